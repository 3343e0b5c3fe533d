//! What a policy author writes under `openapi`.
//!
//! The description stands in a file of its own, which is a part of the policy.

use std::path::PathBuf;

use adamant_filter::prelude::*;

use crate::gate::{self, Otherwise};

/// What becomes of an answer that does not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Responses {
    /// Answers are not judged.
    #[default]
    Off,
    /// It is counted, and goes on.
    Report,
    /// It is counted, and the client gets 502 in its place.
    Refuse,
}

/// Lets pass the requests that an OpenAPI description (3.0 or 3.1) has: its paths, methods, parameters and bodies.
///
/// Judged are the path and the method, parameters in path, query, headers and cookies (type, format of lists, `required`
/// and every keyword of their schemas), and bodies of JSON, which must first be JSON that `json` would pass with its
/// default bounds. A parameter that is no list is refused when it comes twice. Schemas are read as in `schema`; those of
/// 3.0 are translated. Not judged are servers and security, since who may call stands in the policy, and answers unless
/// `responses` asks for it. A description
/// that uses what this filter cannot enforce (`deepObject`, parameters with `content`, parts of segments in `{}`) is a
/// problem. The body is held back until it was judged.
///
/// Example: `openapi: { file: orders.yaml, base: /v1 }`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct OpenapiConfig {
    /// The description, a file of YAML or JSON. Example: `orders.yaml`
    pub(crate) file: PathBuf,
    /// What stands in front of the paths of the description, in the path that the client asks for. By default nothing.
    /// Example: `/v1`
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) base: String,
    /// A request for a path or a method that the description does not have: `refuse` answers 404 or 405, `pass` lets it go
    /// on unjudged. By default `refuse`.
    #[serde(default)]
    pub(crate) undeclared_operations: Otherwise,
    /// A parameter of the query that the operation does not have: `refuse` answers 400, `pass` lets it go on. By default
    /// `refuse`.
    #[serde(default)]
    pub(crate) undeclared_parameters: Otherwise,
    /// A body of a media type that the operation has, and that is not JSON but has a schema, such as a form: `refuse`
    /// answers 415, `pass` lets it go on unjudged. By default `refuse`.
    #[serde(default)]
    pub(crate) other_bodies: Otherwise,
    /// Answers of the upstream, by status, media type and JSON: `off` judges none, `report` counts those that do not fit in
    /// the metric `adamant_openapi_answers_misfit_total`, `refuse` also answers 502 in their place. The upstream is then
    /// asked for answers that are not compressed; see `compress`. By default `off`.
    #[serde(default)]
    pub(crate) responses: Responses,
    /// Longest answer that is held to be judged, at most `16MiB`. A longer one is refused under `refuse` and goes by under
    /// `report`. Only with `responses`. By default `64KiB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) response_at_most: Option<Size>,
    /// Whether `format` is checked where it is one of JSON Schema's; otherwise it only describes. By default `false`.
    #[serde(default)]
    pub(crate) formats: bool,
    /// Status of the refusal of JSON that does not fit its schema: `422` or `400`. By default `422`.
    #[serde(default = "default_status")]
    pub(crate) status: u16,
    /// Longest body; at most `16MiB`. By default `64KiB`.
    #[serde(default = "default_held")]
    pub(crate) body_at_most: Size,
    /// Longest body when it is decoded, at most `16MiB`: bodies in gzip, deflate, br or zstd are decoded up to there to be
    /// judged, and reach the upstream as they came. By default they are refused with 415. Example: `256KiB`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) decoded_at_most: Option<Size>,
}

impl OpenapiConfig {
    /// Refuses what makes no sense.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        gate::check_held(self.body_at_most, self.decoded_at_most)?;
        if self.responses == Responses::Off && self.response_at_most.is_some() {
            return Err(Problem::at(
                "response-at-most",
                "answers are not judged under `responses: off`",
            ));
        }
        gate::check_held(self.response_at_most.unwrap_or(gate::HELD), None)
            .map_err(|problem| problem.with_path("response-at-most"))?;
        if !matches!(self.status, 400 | 422) {
            return Err(Problem::at(
                "status",
                format!("{} is neither 400 nor 422", self.status),
            ));
        }
        let is_odd = |byte: u8| !byte.is_ascii_graphic() || b"{}?#%\\".contains(&byte);
        let is_path =
            self.base.starts_with('/') && !self.base.ends_with('/') && !self.base.bytes().any(is_odd);
        if !self.base.is_empty() && !is_path {
            let problem = Problem::at("base", format!("`{}` is not the beginning of a path", self.base));
            return Err(problem.with_help("write it like `/v1`, with a slash in front and none at the end"));
        }
        Ok(())
    }
}

const fn default_status() -> u16 {
    422
}

const fn default_held() -> Size {
    gate::HELD
}
