//! What a request costs: one, unless its method or its route says more.

use adamant_filter::prelude::*;

use super::config::CostConfig;

/// Prices by method and by route.
#[derive(Debug, Default)]
pub(super) struct Costs {
    methods: Vec<(Method, u64)>,
    routes: Vec<(Box<str>, u64)>,
}

impl Costs {
    /// Reads the prices. None of them may be more than `burst`, which would never let such a request pass.
    pub(super) fn new(config: Option<&CostConfig>, burst: u64, boot: &Boot<'_>) -> Result<Self, Problem> {
        let Some(config) = config else {
            return Ok(Self::default());
        };
        if config.methods.is_empty() && config.routes.is_empty() {
            let problem = Problem::at("cost", "no request has a cost of its own");
            return Err(problem.with_help("write `methods` or `routes`, or take `cost` away"));
        }
        let mut costs = Self::default();
        for (name, cost) in &config.methods {
            let at = format!("cost.methods.{name}");
            // Methods are case-sensitive, and one in small letters is none that anybody sends.
            let method = Method::from_bytes(name.as_bytes()).ok();
            let method = method.filter(|_| !name.bytes().any(|b| b.is_ascii_lowercase()));
            let method = method.ok_or_else(|| Problem::at(&at, format!("`{name}` is not a method")))?;
            costs.methods.push((method, within(&at, *cost, burst)?));
        }
        for (name, cost) in &config.routes {
            let at = format!("cost.routes.{name}");
            if !boot.knows_route(name) {
                return Err(Problem::at(&at, format!("there is no route `{name}`")));
            }
            costs
                .routes
                .push((name.as_str().into(), within(&at, *cost, burst)?));
        }
        Ok(costs)
    }

    /// What this request costs.
    pub(super) fn of(&self, request: &Request) -> u64 {
        let methods = self.methods.iter().find(|(method, _)| method == request.method());
        let routes = self.routes.iter().find(|(name, _)| **name == *request.route());
        let by_method = methods.map_or(1, |(_, cost)| *cost);
        routes.map_or(by_method, |(_, cost)| by_method.max(*cost))
    }
}

fn within(at: &str, cost: u64, burst: u64) -> Result<u64, Problem> {
    if cost == 0 {
        let problem = Problem::at(at, "a request that costs nothing would never be limited");
        return Err(problem.with_help("use `when` to leave requests out"));
    }
    if cost > burst {
        let text =
            format!("a request that costs {cost} would never pass: no more than {burst} may come at once");
        return Err(Problem::at(at, text).with_help("raise the `burst`, or lower the cost"));
    }
    Ok(cost)
}
