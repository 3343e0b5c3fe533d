//! The one list of built-in filters, by crate. Names no filter itself: each crate knows its own.

use adamant_filter::Catalogue;

/// Adds all built-in filters.
pub(crate) fn register(catalogue: Catalogue) -> Catalogue {
    let catalogue = adamant_auth::register(catalogue);
    let catalogue = adamant_limits::register(catalogue);
    adamant_guard::register(catalogue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_filters_are_linked() {
        let catalogue = register(Catalogue::new());
        let names: Vec<_> = catalogue.iter().map(|filter| filter.name()).collect();
        let expected = [
            "accept",
            "addresses",
            "api-key",
            "authorize",
            "bandwidth",
            "basic",
            "body-size",
            "cache-control",
            "client-certificate",
            "compress",
            "content-type",
            "cors",
            "csrf",
            "errors",
            "failures",
            "form",
            "forward-auth",
            "forward-check",
            "headers",
            "identity-headers",
            "in-flight",
            "introspection",
            "json",
            "jwt",
            "mask",
            "methods",
            "multipart",
            "oidc-login",
            "openapi",
            "query",
            "quota",
            "rate",
            "rules",
            "schema",
            "scopes",
            "security-headers",
            "signature",
            "upstream-credential",
            "webhook-signature",
        ];
        assert_eq!(names, expected);
    }
}
