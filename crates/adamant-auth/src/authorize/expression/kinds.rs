//! What the parts of an expression are, as far as the text says it: names that exist, operators that fit.
//!
//! Refuses whatever could only fail later. Values of claims are known at the request alone; they may be anything.

use adamant_filter::did_you_mean;
use cel::common::ast::{CallExpr, Expr, LiteralValue, SelectExpr, operators};
use cel::{IdedExpr, common::types::CelString};

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Truth,
    Number,
    Text,
    List,
    Nothing,
    /// Texts by name.
    Texts,
    /// Claims by name.
    Claims,
    /// Known when a request is there.
    Any,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Truth => "a truth value",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List => "a list",
            Self::Nothing => "null",
            Self::Texts | Self::Claims => "a table of values",
            Self::Any => "a claim",
        }
    }

    const fn is_table(self) -> bool {
        matches!(self, Self::Texts | Self::Claims)
    }

    fn may_be(self, kind: Self) -> bool {
        self == kind || self == Self::Any
    }

    /// What a table has under a name.
    const fn item(self) -> Self {
        match self {
            Self::Texts => Self::Text,
            Self::Truth
            | Self::Number
            | Self::Text
            | Self::List
            | Self::Nothing
            | Self::Claims
            | Self::Any => Self::Any,
        }
    }
}

/// What is wrong with an expression.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

fn mistake<T>(message: impl Into<String>) -> Result<T, Mistake> {
    Err(Mistake {
        message: message.into(),
        help: None,
    })
}

fn mistake_with<T>(message: impl Into<String>, help: impl Into<String>) -> Result<T, Mistake> {
    Err(Mistake {
        message: message.into(),
        help: Some(help.into()),
    })
}

const ROOTS: [&str; 3] = ["request", "identity", "path"];

const REQUEST: [(&str, Kind); 6] = [
    ("method", Kind::Text),
    ("path", Kind::Text),
    ("host", Kind::Text),
    ("client", Kind::Text),
    ("headers", Kind::Texts),
    ("query", Kind::Texts),
];

const IDENTITY: [(&str, Kind); 6] = [
    ("consumer", Kind::Text),
    ("method", Kind::Text),
    ("plan", Kind::Text),
    ("scopes", Kind::List),
    ("groups", Kind::List),
    ("claims", Kind::Claims),
];

const FUNCTIONS: [&str; 8] = [
    "contains",
    "double",
    "endsWith",
    "has",
    "int",
    "size",
    "startsWith",
    "string",
];

/// Goes through an expression.
#[derive(Debug)]
pub(super) struct Kinds {
    /// Parameters of the path that are read.
    pub(super) captures: Vec<String>,
    asks_something: bool,
    /// How much deeper parts may stand in each other.
    depth_left: usize,
}

impl Kinds {
    /// Refuses what is deeper.
    pub(super) const fn up_to(depth: usize) -> Self {
        Self {
            captures: Vec::new(),
            asks_something: false,
            depth_left: depth,
        }
    }

    /// Whether the whole is a truth value that depends on the request.
    pub(super) fn check(&mut self, root: &IdedExpr) -> Result<(), Mistake> {
        match self.of(root)? {
            Kind::Truth if self.asks_something => Ok(()),
            Kind::Truth => mistake("this is the same for every request"),
            Kind::Any => mistake_with(
                "this is whatever the claim is, and must be true or false",
                "compare it, such as `identity.claims.admin == true`",
            ),
            other => mistake(format!("this is {}, and must be true or false", other.word())),
        }
    }

    fn of(&mut self, part: &IdedExpr) -> Result<Kind, Mistake> {
        let Some(left) = self.depth_left.checked_sub(1) else {
            return mistake_with(
                "too many parts stand in each other",
                "split it into several rules, or use `in` with a list",
            );
        };
        self.depth_left = left;
        let kind = self.kind(part)?;
        self.depth_left += 1;
        Ok(kind)
    }

    fn kind(&mut self, part: &IdedExpr) -> Result<Kind, Mistake> {
        match &part.expr {
            Expr::Literal(value) => literal(value),
            Expr::Ident(name) => unknown_root(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => {
                for element in &list.elements {
                    self.value(element)?;
                }
                Ok(Kind::List)
            }
            Expr::Comprehension(_) => mistake_with(
                "`all`, `exists`, `filter` and `map` are not available, since the client decides how often they repeat",
                "ask whether a list has a value with `in`",
            ),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                mistake("an expression here has no maps and no structures of its own")
            }
        }
    }

    /// A part that is not a table.
    fn value(&mut self, part: &IdedExpr) -> Result<Kind, Mistake> {
        let kind = self.of(part)?;
        if kind.is_table() {
            return mistake_with(
                "a table of values can only be asked for one of them",
                "write such as `request.headers[\"x-name\"]`, `identity.claims.name` or `\"name\" in request.query`",
            );
        }
        Ok(kind)
    }

    fn select(&mut self, select: &SelectExpr) -> Result<Kind, Mistake> {
        let root = match &select.operand.expr {
            Expr::Ident(root) => root.as_str(),
            _ => return self.member(select),
        };
        self.asks_something = true;
        if select.test {
            return mistake(format!("`{root}.{}` is always there", select.field));
        }
        match root {
            "request" => named(root, &REQUEST, &select.field),
            "identity" => named(root, &IDENTITY, &select.field),
            "path" => {
                self.captures.push(select.field.clone());
                Ok(Kind::Text)
            }
            other => unknown_root(other),
        }
    }

    fn member(&mut self, select: &SelectExpr) -> Result<Kind, Mistake> {
        let of = self.of(&select.operand)?;
        if !of.is_table() && of != Kind::Any {
            return mistake(format!("{} has no member `{}`", of.word(), select.field));
        }
        Ok(if select.test { Kind::Truth } else { of.item() })
    }

    fn call(&mut self, call: &CallExpr) -> Result<Kind, Mistake> {
        let name = call.func_name.as_str();
        match (name, call.target.as_deref(), call.args.as_slice()) {
            (operators::CONDITIONAL, None, [condition, yes, no]) => {
                self.expect(condition, Kind::Truth, "`? :`")?;
                let (yes, no) = (self.value(yes)?, self.value(no)?);
                Ok(if yes == no { yes } else { Kind::Any })
            }
            (operators::INDEX, None, [of, index]) => self.index(of, index),
            (operators::LOGICAL_NOT, None, [of]) => self.expect(of, Kind::Truth, "`!`"),
            (operators::NEGATE, None, [of]) => self.expect(of, Kind::Number, "`-`"),
            ("size", None, [of]) | ("size", Some(of), []) => self.size(of),
            ("string" | "int" | "double", None, [of]) => self.converted(name, of),
            ("contains" | "startsWith" | "endsWith", Some(of), [other]) => {
                self.expect(of, Kind::Text, name)?;
                self.expect(other, Kind::Text, name)?;
                Ok(Kind::Truth)
            }
            (operator, None, [left, right]) => self.binary(operator, left, right),
            _ => unknown_function(name),
        }
    }

    fn expect(&mut self, part: &IdedExpr, kind: Kind, by: &str) -> Result<Kind, Mistake> {
        let found = self.value(part)?;
        if found.may_be(kind) {
            return Ok(kind);
        }
        mistake(format!(
            "{by} needs {}, and this is {}",
            kind.word(),
            found.word()
        ))
    }

    fn index(&mut self, of: &IdedExpr, index: &IdedExpr) -> Result<Kind, Mistake> {
        if matches!(&of.expr, Expr::Ident(root) if root == "path") {
            self.asks_something = true;
            let Expr::Literal(LiteralValue::String(name)) = &index.expr else {
                return mistake("a parameter of the path is named by a text");
            };
            self.captures.push(CelString::inner(name).to_owned());
            return Ok(Kind::Text);
        }
        let (of, index) = (self.of(of)?, self.value(index)?);
        let fits = match of {
            Kind::Texts | Kind::Claims => index.may_be(Kind::Text),
            Kind::List => index.may_be(Kind::Number),
            Kind::Any => index.may_be(Kind::Text) || index.may_be(Kind::Number),
            Kind::Truth | Kind::Number | Kind::Text | Kind::Nothing => false,
        };
        if fits {
            return Ok(of.item());
        }
        mistake(format!("{} has nothing under {}", of.word(), index.word()))
    }

    fn size(&mut self, of: &IdedExpr) -> Result<Kind, Mistake> {
        match self.value(of)? {
            Kind::Text | Kind::List | Kind::Any => Ok(Kind::Number),
            other => mistake(format!("{} has no size", other.word())),
        }
    }

    fn converted(&mut self, function: &str, of: &IdedExpr) -> Result<Kind, Mistake> {
        let kind = self.value(of)?;
        match (function, kind) {
            ("string", Kind::Truth | Kind::Number | Kind::Text | Kind::Any) => Ok(Kind::Text),
            ("int" | "double", Kind::Number | Kind::Text | Kind::Any) => Ok(Kind::Number),
            _ => mistake(format!("{} cannot be made into `{function}`", kind.word())),
        }
    }

    fn binary(&mut self, operator: &str, left: &IdedExpr, right: &IdedExpr) -> Result<Kind, Mistake> {
        match operator {
            operators::LOGICAL_AND | operators::LOGICAL_OR => {
                let word = if operator == operators::LOGICAL_AND {
                    "`&&`"
                } else {
                    "`||`"
                };
                self.expect(left, Kind::Truth, word)?;
                self.expect(right, Kind::Truth, word)
            }
            operators::IN => {
                let (item, of) = (self.value(left)?, self.of(right)?);
                match of {
                    Kind::List | Kind::Any => Ok(Kind::Truth),
                    Kind::Texts | Kind::Claims if item.may_be(Kind::Text) => Ok(Kind::Truth),
                    other => mistake(format!(
                        "`in` cannot look for {} in {}",
                        item.word(),
                        other.word()
                    )),
                }
            }
            _ => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                combined(operator, left, right)
            }
        }
    }
}

/// What an operator makes of two values.
fn combined(operator: &str, left: Kind, right: Kind) -> Result<Kind, Mistake> {
    let alike = left == right || left == Kind::Any || right == Kind::Any;
    let kind = if left == Kind::Any { right } else { left };
    let result = match operator {
        operators::EQUALS | operators::NOT_EQUALS if alike => Some(Kind::Truth),
        operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS
            if alike && matches!(kind, Kind::Number | Kind::Text | Kind::Any) =>
        {
            Some(Kind::Truth)
        }
        operators::ADD if alike && matches!(kind, Kind::Number | Kind::Text | Kind::List | Kind::Any) => {
            Some(kind)
        }
        operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO
            if alike && matches!(kind, Kind::Number | Kind::Any) =>
        {
            Some(Kind::Number)
        }
        _ => None,
    };
    match (
        result,
        operator.strip_prefix('_').and_then(|rest| rest.strip_suffix('_')),
    ) {
        (Some(kind), _) => Ok(kind),
        (None, Some(sign)) => mistake(format!(
            "`{sign}` cannot put {} and {} together",
            left.word(),
            right.word()
        )),
        (None, None) => unknown_function(operator),
    }
}

fn literal(value: &LiteralValue) -> Result<Kind, Mistake> {
    match value {
        LiteralValue::Boolean(_) => Ok(Kind::Truth),
        LiteralValue::Double(_) | LiteralValue::Int(_) => Ok(Kind::Number),
        LiteralValue::String(_) => Ok(Kind::Text),
        LiteralValue::Null => Ok(Kind::Nothing),
        LiteralValue::Bytes(_) | LiteralValue::UInt(_) => {
            mistake("values here are texts, numbers, lists, `true`, `false` and `null`")
        }
    }
}

fn named(root: &str, members: &[(&str, Kind)], name: &str) -> Result<Kind, Mistake> {
    if let Some((_, kind)) = members.iter().find(|(member, _)| *member == name) {
        return Ok(*kind);
    }
    let names: Vec<&str> = members.iter().map(|(member, _)| *member).collect();
    let help = match did_you_mean(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{root}.{near}`?"),
        None => format!("`{root}` has {}", names.join(", ")),
    };
    mistake_with(format!("there is no `{root}.{name}`"), help)
}

fn unknown_root<T>(name: &str) -> Result<T, Mistake> {
    if ROOTS.contains(&name) {
        return mistake_with(
            format!("`{name}` alone is not a value"),
            format!(
                "name a part of it, such as `{name}.{}`",
                match name {
                    "request" => "method",
                    "identity" => "consumer",
                    _ => "id",
                }
            ),
        );
    }
    mistake_with(
        format!("there is no `{name}`"),
        "names begin with `request`, `identity` or `path`; a name with a hyphen stands in brackets, such as `request.headers[\"x-name\"]`",
    )
}

fn unknown_function<T>(name: &str) -> Result<T, Mistake> {
    let help = match did_you_mean(name, FUNCTIONS) {
        Some(near) if near != name => format!("did you mean `{near}`?"),
        Some(_) | None => format!("there are {}", FUNCTIONS.join(", ")),
    };
    mistake_with(
        format!("there is no function `{name}` with these arguments"),
        help,
    )
}
