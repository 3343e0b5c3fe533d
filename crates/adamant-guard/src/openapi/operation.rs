//! The operations of a description, compiled: parameters and bodies by path and method.
//!
//! Reads no request.

use adamant_filter::prelude::*;

use super::document::{Document, METHODS};
use super::parameter::{In, Parameter};
use super::paths::Paths;
use crate::media::Media;
use crate::schema::compiled::Compiled;

/// All operations.
#[derive(Debug)]
pub(super) struct Operations {
    pub(super) paths: Paths,
    pub(super) items: Vec<PathItem>,
    /// Schemas of bodies, to which operations refer by position.
    pub(super) bodies: Vec<std::sync::Arc<Compiled>>,
    with_answers: bool,
}

/// The operations of one path.
#[derive(Debug)]
pub(super) struct PathItem {
    /// Names of the segments in `{}`.
    pub(super) names: Vec<Box<str>>,
    pub(super) operations: Vec<(Method, Operation)>,
    /// The methods, for `Allow`.
    pub(super) allow: HeaderValue,
}

/// What is done by one method on one path.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    /// Empty where answers are not judged.
    answers: Vec<Answer>,
}

/// Answers of an operation.
#[derive(Debug)]
pub(super) struct Answer {
    statuses: Statuses,
    pub(super) contents: Contents,
}

/// The statuses that an answer may have; the first that fits holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Statuses {
    One(u16),
    /// A hundred of them, by the first digit.
    Class(u16),
    Any,
}

/// The body of an operation.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) required: bool,
    pub(super) contents: Contents,
}

/// The media types that a body may have.
#[derive(Debug, Default)]
pub(super) struct Contents(Vec<Content>);

/// A media type that a body may have.
#[derive(Debug)]
struct Content {
    kind: Box<str>,
    subtype: Box<str>,
    schema: Option<usize>,
    has_schema: bool,
}

/// What becomes of a body of some media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is judged by this schema.
    Judged(usize),
    /// Nothing is said about it.
    Free,
    /// It has a schema, but is no JSON.
    Unread,
    /// The operation has no body of this type.
    Unknown,
}

impl Operation {
    /// The answer with this status, by the description that says most.
    pub(super) fn answer(&self, status: u16) -> Option<&Answer> {
        let fits = |answer: &&Answer| match answer.statuses {
            Statuses::One(one) => one == status,
            Statuses::Class(class) => class == status / 100,
            Statuses::Any => true,
        };
        self.answers
            .iter()
            .filter(fits)
            .min_by_key(|answer| answer.statuses)
    }
}

impl Statuses {
    fn of(text: &str) -> Option<Self> {
        if text == "default" {
            return Some(Self::Any);
        }
        let class = text.strip_suffix("XX").and_then(|class| class.parse().ok());
        let one = text.parse().ok().filter(|one| (100..600).contains(one));
        class
            .filter(|class| (1..6).contains(class))
            .map(Self::Class)
            .or(one.map(Self::One))
    }
}

impl Contents {
    /// Whether nothing is said about a body.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What becomes of a body of this media type. The description that says most holds.
    pub(super) fn fate(&self, media: &Media<'_>) -> Fate {
        let fits = |content: &&Content| match (&*content.kind, &*content.subtype) {
            ("*", _) => true,
            (kind, "*") => media.is_kind(kind),
            (kind, subtype) => media.is(kind, subtype),
        };
        let stars = |content: &&Content| u8::from(&*content.kind == "*") + u8::from(&*content.subtype == "*");
        match self.0.iter().filter(fits).min_by_key(stars) {
            None => Fate::Unknown,
            Some(content) if !content.has_schema => Fate::Free,
            Some(content) => match content.schema {
                Some(schema) if media.is_json() => Fate::Judged(schema),
                Some(_) | None => Fate::Unread,
            },
        }
    }
}

impl Operations {
    /// Compiles a description.
    pub(super) fn read(document: &mut Document, with_answers: bool) -> Result<Self, String> {
        let mut all = Self {
            paths: Paths::default(),
            items: Vec::new(),
            bodies: Vec::new(),
            with_answers,
        };
        let Some(paths) = document.root().get("paths") else {
            return Err("it has no `paths`".to_owned());
        };
        let listed: Result<Vec<_>, String> = paths
            .members()
            .filter(|(path, _)| !path.starts_with("x-"))
            .map(|(path, item)| Ok((path.to_owned(), document.resolve(item)?.pointer)))
            .collect();
        for (path, pointer) in listed? {
            let names = all.paths.add(&path, all.items.len())?;
            let item = all.item(document, &pointer, names)?;
            all.items.push(item);
        }
        if all.items.iter().all(|item| item.operations.is_empty()) {
            return Err("it has no operations".to_owned());
        }
        Ok(all)
    }

    fn item(
        &mut self,
        document: &mut Document,
        pointer: &str,
        names: Vec<Box<str>>,
    ) -> Result<PathItem, String> {
        let mut operations = Vec::new();
        for method in METHODS {
            let at = format!("{pointer}/{method}");
            if document.at(&at).value.is_null() {
                continue;
            }
            let word = method.to_ascii_uppercase();
            let method = Method::from_bytes(word.as_bytes()).map_err(|error| error.to_string())?;
            let operation = self.operation(document, pointer, &at)?;
            for parameter in operation
                .parameters
                .iter()
                .filter(|parameter| parameter.place == In::Path)
            {
                if !names.contains(&parameter.name) {
                    return Err(format!("`{}` is not in its path, at `{at}`", parameter.label));
                }
            }
            operations.push((method, operation));
        }
        let mut allow: Vec<&str> = operations.iter().map(|(method, _)| method.as_str()).collect();
        if allow.contains(&"GET") && !allow.contains(&"HEAD") {
            allow.push("HEAD");
        }
        let allow = HeaderValue::try_from(allow.join(", ")).map_err(|error| error.to_string())?;
        Ok(PathItem {
            names,
            operations,
            allow,
        })
    }

    fn operation(&mut self, document: &mut Document, item: &str, at: &str) -> Result<Operation, String> {
        let mut parameters: Vec<Parameter> = Vec::new();
        // Those of the operation go before those of its path.
        for list in [format!("{at}/parameters"), format!("{item}/parameters")] {
            let places = document.at(&list);
            let pointers: Result<Vec<String>, String> = places
                .items()
                .map(|place| Ok(document.resolve(place)?.pointer))
                .collect();
            for pointer in pointers? {
                let Some(parameter) = Parameter::read(document, &pointer)? else {
                    continue;
                };
                let is_same =
                    |known: &Parameter| known.place == parameter.place && known.name == parameter.name;
                if !parameters.iter().any(is_same) {
                    parameters.push(parameter);
                }
            }
        }
        let answers = if self.with_answers {
            self.answers(document, at)?
        } else {
            Vec::new()
        };
        let body = document.at(&format!("{at}/requestBody"));
        if body.value.is_null() {
            return Ok(Operation {
                parameters,
                body: None,
                answers,
            });
        }
        let body = document.resolve(body)?;
        let (pointer, required) = (format!("{}/content", body.pointer), body.is("required"));
        let contents = self.contents(document, &pointer)?;
        if contents.is_empty() {
            return Err(format!("there is no media type at `{pointer}`"));
        }
        Ok(Operation {
            parameters,
            body: Some(Body { required, contents }),
            answers,
        })
    }

    fn answers(&mut self, document: &mut Document, at: &str) -> Result<Vec<Answer>, String> {
        let places = document.at(&format!("{at}/responses"));
        let listed: Result<Vec<_>, String> = places
            .members()
            .filter(|(status, _)| !status.starts_with("x-"))
            .map(|(status, place)| Ok((status.to_owned(), document.resolve(place)?.pointer)))
            .collect();
        let mut answers = Vec::new();
        for (status, pointer) in listed? {
            let statuses = Statuses::of(&status);
            let statuses = statuses.ok_or_else(|| format!("`{status}` is no status, at `{at}`"))?;
            let contents = self.contents(document, &format!("{pointer}/content"))?;
            answers.push(Answer { statuses, contents });
        }
        if answers.is_empty() {
            return Err(format!("there are no answers at `{at}`"));
        }
        Ok(answers)
    }

    fn contents(&mut self, document: &mut Document, pointer: &str) -> Result<Contents, String> {
        let listed: Result<Vec<_>, String> = document
            .at(pointer)
            .members()
            .map(|(media, place)| {
                let schema = place
                    .get("schema")
                    .map(|schema| document.resolve(schema))
                    .transpose()?;
                Ok((media.to_owned(), schema.map(|schema| schema.pointer)))
            })
            .collect();
        let mut content = Vec::new();
        for (text, schema) in listed? {
            let (kind, subtype) =
                split(&text).ok_or_else(|| format!("`{text}` is not a media type, at `{pointer}`"))?;
            // A range can stand for JSON, too.
            let may_be_json =
                subtype.contains('*') || Media::parse(&text).is_some_and(|media| media.is_json());
            let has_schema = schema.is_some();
            let schema = match schema {
                Some(schema) if may_be_json => {
                    self.bodies.push(document.compile(&schema)?);
                    Some(self.bodies.len() - 1)
                }
                Some(_) | None => None,
            };
            content.push(Content {
                kind,
                subtype,
                schema,
                has_schema,
            });
        }
        Ok(Contents(content))
    }
}

/// A media type or a range of them, without parameters.
fn split(text: &str) -> Option<(Box<str>, Box<str>)> {
    let (kind, subtype) = text.split_once('/')?;
    let is_range = kind == "*" && subtype != "*";
    let is_good = Media::parse(text).is_some() && !text.contains(';') && !is_range;
    is_good.then(|| (kind.trim().into(), subtype.trim().into()))
}
