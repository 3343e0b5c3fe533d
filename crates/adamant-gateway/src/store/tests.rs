//! Tests of shared stores against a real server.
