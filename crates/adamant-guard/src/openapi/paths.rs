//! The paths of a description as a tree of segments: which path item a request is for.
//!
//! Knows no methods. A segment that is written out goes before one in `{}` (OpenAPI 3.1 §4.8.8.2).

use std::collections::BTreeMap;

/// Segments in `{}` that a path may have.
pub(super) const NAMES_MAX: usize = 16;

/// A tree of paths with what stands at their ends.
#[derive(Debug, Default)]
pub(super) struct Paths {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    written: BTreeMap<Box<str>, usize>,
    any: Option<usize>,
    /// What ends here.
    end: Option<usize>,
}

/// What a path is, and where in it the values of its segments in `{}` stand.
pub(super) type Found<'p> = (usize, Values<'p>);

/// The values of the segments in `{}`, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Values<'p> {
    texts: [&'p str; NAMES_MAX],
    count: usize,
}

impl<'p> Values<'p> {
    /// The values.
    pub(super) fn as_slice(&self) -> &[&'p str] {
        self.texts.get(..self.count).unwrap_or_default()
    }
}

impl Paths {
    /// Adds a path, and tells the names of its segments in `{}`.
    pub(super) fn add(&mut self, path: &str, end: usize) -> Result<Vec<Box<str>>, String> {
        let Some(rest) = path.strip_prefix('/') else {
            return Err(format!("the path `{path}` does not begin with `/`"));
        };
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let (mut at, mut names) = (0, Vec::<Box<str>>::new());
        for segment in rest.split('/') {
            let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let text = name.unwrap_or(segment);
            // The paths of requests are canonical: nothing else would ever be asked for.
            let is_odd = |byte: u8| !byte.is_ascii_graphic() || b"{}?#%\\".contains(&byte);
            if text.bytes().any(is_odd) || name == Some("") || matches!(text, "." | "..") {
                return Err(format!(
                    "`{segment}` in the path `{path}` is not one segment or one name in `{{}}`"
                ));
            }
            if name.is_some_and(|name| names.iter().any(|known| **known == *name)) {
                return Err(format!("the path `{path}` has `{segment}` twice"));
            }
            names.extend(name.map(Into::into));
            let free = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else { break };
            at = match name {
                Some(_) => *node.any.get_or_insert(free),
                None => *node.written.entry(segment.into()).or_insert(free),
            };
            if at == free {
                self.nodes.push(Node::default());
            }
        }
        if names.len() > NAMES_MAX {
            return Err(format!("the path `{path}` has more than {NAMES_MAX} names"));
        }
        match self.nodes.get_mut(at).map(|node| node.end.replace(end)) {
            Some(None) => Ok(names),
            _ => Err(format!("the path `{path}` is there twice, with other names")),
        }
    }

    /// What a path is. Looks at no node of the tree twice.
    pub(super) fn find<'p>(&self, path: &'p str) -> Option<Found<'p>> {
        let mut values = Values::default();
        let end = self.descend(0, path.strip_prefix('/')?, &mut values)?;
        Some((end, values))
    }

    fn descend<'p>(&self, at: usize, rest: &'p str, values: &mut Values<'p>) -> Option<usize> {
        let node = self.nodes.get(at)?;
        let (segment, after) = match rest.split_once('/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (rest, None),
        };
        let next = |next: usize, values: &mut Values<'p>| match after {
            Some(after) => self.descend(next, after, values),
            None => self.nodes.get(next)?.end,
        };
        if let Some(written) = node.written.get(segment)
            && let Some(end) = next(*written, values)
        {
            return Some(end);
        }
        let any = node.any.filter(|_| !segment.is_empty())?;
        *values.texts.get_mut(values.count)? = segment;
        values.count += 1;
        let end = next(any, values);
        if end.is_none() {
            values.count -= 1;
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_goes_before_what_is_named() {
        let mut paths = Paths::default();
        let all = ["/", "/a", "/a/{x}", "/a/b/d", "/a/{x}/c", "/{y}/b", "/a/"];
        for (end, path) in all.iter().enumerate() {
            paths.add(path, end).unwrap();
        }
        let found = |path| {
            let (end, values) = paths.find(path)?;
            Some((all[end], values.as_slice().to_vec()))
        };
        let cases = [
            ("/", Some(("/", vec![]))),
            ("/a", Some(("/a", vec![]))),
            ("/a/", Some(("/a/", vec![]))),
            ("/a/b", Some(("/a/{x}", vec!["b"]))),
            ("/a/b/c", Some(("/a/{x}/c", vec!["b"]))),
            ("/a/b/d", Some(("/a/b/d", vec![]))),
            ("/z/b", Some(("/{y}/b", vec!["z"]))),
            ("/z", None),
            ("/a/b/c/d", None),
            ("//b", None),
        ];
        for (path, expected) in cases {
            assert_eq!(found(path), expected, "{path}");
        }
    }

    #[test]
    fn paths_that_are_none_are_told() {
        for path in [
            "", "a", "/a{x}", "/{x}b", "/{}", "/{x}/{x}", "/a?b", "/a b", "/é", "/a%20b", "/..", "/{a",
            "/a/{y}",
        ] {
            let mut paths = Paths::default();
            paths.add("/a/{x}", 0).unwrap();
            assert!(paths.add(path, 1).is_err(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_search_one_by_one(
            templates in prop::collection::btree_set("(/(a|b|\\{x\\})){1,3}", 1..12),
            path in "(/[abc]){1,4}",
        ) {
            // A name may stand in a path once, so each place gets its own.
            let templates: Vec<String> = templates.iter().map(|template| {
                let segments = template.split('/').enumerate();
                let segments = segments.map(|(n, segment)| if segment == "{x}" { format!("{{x{n}}}") } else { segment.to_owned() });
                segments.collect::<Vec<_>>().join("/")
            }).collect();
            let mut paths = Paths::default();
            for (end, template) in templates.iter().enumerate() {
                paths.add(template, end).unwrap();
            }
            let fits = |template: &str| {
                let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
                template.len() == path.len()
                    && template.iter().zip(&path).all(|(t, p)| t == p || t.starts_with('{'))
            };
            // Of those that fit, the one that is written out furthest to the left.
            let rank = |template: &&String| template.split('/').map(|segment| segment.starts_with('{')).collect::<Vec<_>>();
            let expected = templates.iter().filter(|template| fits(template)).min_by_key(rank);
            let found = paths.find(&path).map(|(end, _)| &templates[end]);
            prop_assert_eq!(found, expected);
        }
    }
}
