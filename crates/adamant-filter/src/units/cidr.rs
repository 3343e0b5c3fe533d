//! `10.0.0.0/8`: a network, or one address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{Shown, UnitError};

pub(super) const FORMAT: &str = "cidr";

/// A network such as `10.0.0.0/8` or `2001:db8::/32`. An address without a prefix is that one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr(IpNet);

impl Cidr {
    /// Whether the address lies in the network. An IPv4 address inside IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// The first address of the network.
    #[must_use]
    pub fn network(&self) -> IpAddr {
        self.0.addr()
    }

    /// Number of leading bits that all its addresses share.
    #[must_use]
    pub fn prefix(&self) -> u8 {
        self.0.prefix_len()
    }
}

impl From<Cidr> for IpNet {
    fn from(cidr: Cidr) -> Self {
        cidr.0
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Cidr {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError::new(format!("{} is not a network", Shown(text)));
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let Ok(address) = address.parse::<IpAddr>() else {
            let help =
                "write an address, or an address with a prefix such as `10.0.0.0/8` or `2001:db8::/32`";
            return Err(wrong().with_help(help));
        };
        if address != address.to_canonical() {
            let help = format!("write the IPv4 address itself: `{}`", address.to_canonical());
            return Err(wrong().with_help(help));
        }
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length = match prefix {
            None => longest,
            Some(prefix) => prefix
                .parse::<u8>()
                .ok()
                .filter(|length| *length <= longest && !prefix.starts_with('+'))
                .ok_or_else(|| wrong().with_help(format!("the prefix is a number from 0 to {longest}")))?,
        };
        let network = IpNet::new(address, length).map_err(|_| wrong())?;
        if network.trunc() != network {
            return Err(
                UnitError::new(format!("{} has bits beyond its prefix", Shown(text))).with_help(format!(
                    "did you mean `{}` or the one host `{address}`?",
                    network.trunc()
                )),
            );
        }
        Ok(Self(network))
    }
}

impl TryFrom<String> for Cidr {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> Self {
        cidr.to_string()
    }
}

impl JsonSchema for Cidr {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cidr".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": FORMAT,
            "pattern": "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$",
            "description": "A network such as `10.0.0.0/8` or `2001:db8::/32`, or one address.",
        })
    }
}
