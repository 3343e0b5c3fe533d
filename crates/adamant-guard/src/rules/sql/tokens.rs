//! A text as tokens of SQL, one letter for each.
//!
//! | Letter | Token |
//! |---|---|
//! | `1` | a number, `null`, `true`, `false` |
//! | `s` | a string, also one that does not end |
//! | `n` | another word |
//! | `v` | `@@variable` |
//! | `f`, `g` | a function that only databases have, or that others have too, before its parenthesis |
//! | `L` | `or`, `and`, `xor`, `||`, `&&` |
//! | `o`, `k`, `w` | `=` and the like; `like` and the like; `in`, `is`, `between` |
//! | `a` | arithmetic |
//! | `U`, `E`, `F`, `W`, `B`, `I`, `C` | `union`; `select`; `from`; `where`; `order by` and the like; `into`; `case` |
//! | `T` | a statement that changes something |
//! | `c` | a comment that may hide the rest |
//! | `;` `(` `)` `,` | themselves |
//! | `?` | anything else |
//!
//! Not a parser: dialects differ, and an attack need not be a whole statement.

/// Tokens that are looked at. What an injection needs stands near its beginning.
const TOKENS_MAX: usize = 192;

/// Where a text stands in a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    Outside,
    /// Within `'`.
    Single,
    /// Within `"`.
    Double,
}

/// The letters of a text.
#[derive(Debug)]
pub(super) struct Tokens {
    letters: [u8; TOKENS_MAX],
    length: usize,
}

impl Tokens {
    pub(super) fn of(text: &[u8], context: Context) -> Self {
        let mut tokens = Self {
            letters: [0; TOKENS_MAX],
            length: 0,
        };
        let mut reader = Reader { rest: text };
        let quote = match context {
            Context::Outside => None,
            Context::Single => Some(b'\''),
            Context::Double => Some(b'"'),
        };
        if let Some(quote) = quote {
            reader.string(quote);
            tokens.push(b's');
        }
        while let Some(letter) = reader.next(quote) {
            // `- -1` and `!!1` are one sign, `not not` is none.
            if letter == b' ' || (letter == b'a' && tokens.letters().ends_with(b"a")) {
                continue;
            }
            if !tokens.push(letter) {
                break;
            }
        }
        tokens
    }

    pub(super) fn letters(&self) -> &[u8] {
        self.letters.get(..self.length).unwrap_or_default()
    }

    fn push(&mut self, letter: u8) -> bool {
        let place = self.letters.get_mut(self.length);
        let has_room = place.is_some();
        if let Some(place) = place {
            *place = letter;
            self.length += 1;
        }
        has_room
    }
}

struct Reader<'t> {
    rest: &'t [u8],
}

impl Reader<'_> {
    /// The letter of the next token; a blank for what is none.
    fn next(&mut self, quote: Option<u8>) -> Option<u8> {
        let first = *self.rest.first()?;
        Some(match first {
            0..=b' ' | 0x7f | 0xa0 => self.skip(1, b' '),
            b'\'' | b'"' => {
                self.skip(1, b's');
                self.string(first);
                b's'
            }
            b'`' => self.quoted_name(),
            b'0'..=b'9' => self.number(),
            b'.' if self.rest.get(1).is_some_and(u8::is_ascii_digit) => self.number(),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'@' | b'$' | 0x80.. => self.word(),
            b'-' if self.rest.starts_with(b"--") => self.line_comment(2, quote),
            b'#' => self.line_comment(1, quote),
            b'/' if self.rest.starts_with(b"/*") => self.comment(),
            // The end of a comment whose content is run.
            b'*' if self.rest.starts_with(b"*/") => self.skip(2, b' '),
            b'|' if self.rest.starts_with(b"||") => self.skip(2, b'L'),
            b'&' if self.rest.starts_with(b"&&") => self.skip(2, b'L'),
            b'=' | b'<' | b'>' => self.operator(),
            b'!' if self.rest.get(1) == Some(&b'=') => self.operator(),
            b':' if self.rest.get(1) == Some(&b'=') => self.operator(),
            b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'&' | b'|' | b'~' | b'!' => self.skip(1, b'a'),
            b';' | b'(' | b')' | b',' => self.skip(1, first),
            _ => self.skip(1, b'?'),
        })
    }

    fn skip(&mut self, bytes: usize, letter: u8) -> u8 {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
        letter
    }

    /// To behind the end of a string. A doubled mark or a backslash does not end it.
    fn string(&mut self, quote: u8) {
        let mut at = 0;
        while let Some(byte) = self.rest.get(at) {
            let next = self.rest.get(at + 1);
            if *byte == b'\\' {
                at += 2;
            } else if *byte != quote {
                at += 1;
            } else if next == Some(&quote) && at > 0 {
                at += 2;
            } else {
                at += 1;
                break;
            }
        }
        self.skip(at, b's');
    }

    fn quoted_name(&mut self) -> u8 {
        let name = self.rest.iter().skip(1).position(|byte| *byte == b'`');
        match name {
            Some(length) => self.skip(length + 2, b'n'),
            None => self.skip(1, b'?'),
        }
    }

    fn number(&mut self) -> u8 {
        let radix_16 = matches!(self.rest, [b'0', b'x' | b'X', digit, ..] if digit.is_ascii_hexdigit());
        let start = if radix_16 { 2 } else { 0 };
        let digits = self.rest.iter().skip(start);
        let length = digits
            .take_while(|byte| match byte {
                b'0'..=b'9' | b'.' => true,
                b'a'..=b'f' | b'A'..=b'F' => radix_16,
                _ => false,
            })
            .count();
        let mut length = start + length;
        // An exponent: `1e0`.
        if let Some([b'e' | b'E', digit, ..]) = self.rest.get(length..)
            && digit.is_ascii_digit()
        {
            let exponent = self.rest.iter().skip(length + 1);
            length += 1 + exponent.take_while(|byte| byte.is_ascii_digit()).count();
        }
        self.skip(length, b'1')
    }

    fn operator(&mut self) -> u8 {
        let length = self
            .rest
            .iter()
            .take_while(|byte| matches!(byte, b'=' | b'<' | b'>' | b'!' | b':'))
            .count();
        self.skip(length, b'o')
    }

    /// A comment to the end of the line. It hides a quotation mark that belongs to the statement; one that the text
    /// itself goes on with was not meant to be hidden.
    fn line_comment(&mut self, mark: usize, quote: Option<u8>) -> u8 {
        let body = self.rest.get(mark..).unwrap_or_default();
        let length = body.iter().position(|byte| *byte == b'\n');
        let line = body.get(..length.unwrap_or(body.len())).unwrap_or_default();
        let goes_on = quote.is_some_and(|quote| line.contains(&quote));
        let is_prose = line.len() > 24 && length.is_none();
        let letter = if goes_on || is_prose { b'?' } else { b'c' };
        self.skip(mark + line.len(), letter)
    }

    fn comment(&mut self) -> u8 {
        if let [_, _, b'!', ..] = self.rest {
            // MySQL runs what stands in it.
            let version = self.rest.iter().skip(3).take_while(|byte| byte.is_ascii_digit());
            return self.skip(3 + version.count(), b' ');
        }
        let end = self.rest.windows(2).skip(2).position(|pair| pair == b"*/");
        match end {
            Some(length) => self.skip(length + 4, b' '),
            None => self.skip(self.rest.len(), b'c'),
        }
    }

    fn word(&mut self) -> u8 {
        let is_variable = self.rest.starts_with(b"@@");
        let length = self
            .rest
            .iter()
            .take_while(|byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'@' | b'$' | b'.' | 0x80..))
            .count();
        let written = self.rest.get(..length).unwrap_or_default();
        self.rest = self.rest.get(length..).unwrap_or_default();
        if is_variable {
            return b'v';
        }
        let mut small = [0; 32];
        let Some(word) = small.get_mut(..written.len()) else {
            return b'n';
        };
        word.copy_from_slice(written);
        word.make_ascii_lowercase();
        // `1.or` and `x.` are written to mislead.
        let word: &[u8] = word;
        let gap = self
            .rest
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        let is_call = self.rest.get(gap) == Some(&b'(');
        match word {
            b"order" | b"group" => self.by().unwrap_or(b'n'),
            _ => letter(word, is_call),
        }
    }

    /// `by` behind `order` and `group`.
    fn by(&mut self) -> Option<u8> {
        let gap = self
            .rest
            .iter()
            .take_while(|byte| !byte.is_ascii_alphanumeric())
            .count();
        let word = self.rest.get(gap..gap + 2)?;
        let ends = !self.rest.get(gap + 2).is_some_and(u8::is_ascii_alphanumeric);
        // Where a comment stands between, the words are still a pair.
        (gap > 0 && gap < 16 && word.eq_ignore_ascii_case(b"by") && ends).then(|| self.skip(gap + 2, b'B'))
    }
}

/// The letter of a word in small letters.
fn letter(word: &[u8], is_call: bool) -> u8 {
    match word {
        b"or" | b"and" | b"xor" => b'L',
        b"union" => b'U',
        b"select" => b'E',
        b"from" => b'F',
        b"where" => b'W',
        b"into" => b'I',
        b"case" => b'C',
        b"having" | b"limit" | b"offset" | b"procedure" => b'B',
        b"null" | b"true" | b"false" => b'1',
        b"current_user" | b"session_user" | b"system_user" | b"current_database" | b"sysdate" => b'v',
        b"like" | b"rlike" | b"regexp" | b"ilike" | b"glob" => b'k',
        b"in" | b"is" | b"between" => b'w',
        b"div" | b"mod" => b'a',
        // Signs before a value, and words that change no meaning.
        b"not" | b"all" | b"distinct" | b"distinctrow" | b"binary" | b"top" => b' ',
        b"drop" | b"insert" | b"update" | b"delete" | b"exec" | b"execute" | b"create" | b"alter"
        | b"truncate" | b"declare" | b"shutdown" | b"grant" | b"call" | b"merge" | b"replace"
        | b"waitfor" | b"set" | b"begin" => {
            if is_call && word == b"replace" {
                b'g'
            } else {
                b'T'
            }
        }
        _ if is_call && is_of_databases(word) => b'f',
        _ if is_call && GENERAL.contains(&word) => b'g',
        _ => b'n',
    }
}

fn is_of_databases(word: &[u8]) -> bool {
    PREFIXES.iter().any(|prefix| word.starts_with(prefix)) || DATABASES.contains(&word)
}

/// What names of functions begin with that only databases have.
pub(super) const PREFIXES: &[&[u8]] = &[b"dbms_", b"utl_", b"pg_", b"xp_", b"sp_", b"sys.", b"ctxsys."];

/// Functions that only databases have.
pub(super) const DATABASES: &[&[u8]] = &[
    b"sleep",
    b"benchmark",
    b"load_file",
    b"extractvalue",
    b"updatexml",
    b"group_concat",
    b"concat_ws",
    b"ifnull",
    b"nullif",
    b"current_setting",
    b"current_schema",
    b"unhex",
    b"randomblob",
    b"load_extension",
    b"name_const",
    b"make_set",
    b"xmltype",
    b"json_keys",
    b"json_extract",
    b"json_length",
    b"json_depth",
    b"regexp_substr",
    b"regexp_like",
    b"geometrycollection",
    b"multipoint",
    b"polygon",
    b"multipolygon",
    b"linestring",
    b"exists",
    b"row_count",
    b"chr",
    b"ascii",
    b"ord",
    b"substr",
    b"substring",
    b"mid",
    b"database",
    b"user_name",
    b"db_name",
    b"convert",
    b"cast",
    b"char",
    b"nchar",
    b"isnull",
    b"iif",
    b"elt",
    b"conv",
    b"strcmp",
    b"instr",
    b"quarter",
    b"wait_for_executing_gtid_set",
    b"gtid_subset",
    b"st_latfromgeohash",
    b"likelihood",
    b"sqlite_version",
    b"to_char",
    b"bin_to_uuid",
    b"rand",
    b"schema",
    b"query_to_xml",
    b"database_to_xml",
];

/// Functions that databases have like others.
const GENERAL: &[&[u8]] = &[
    b"if",
    b"count",
    b"sum",
    b"min",
    b"max",
    b"avg",
    b"concat",
    b"length",
    b"len",
    b"left",
    b"right",
    b"lower",
    b"upper",
    b"round",
    b"floor",
    b"exp",
    b"hex",
    b"md5",
    b"sha1",
    b"sha",
    b"version",
    b"user",
    b"coalesce",
    b"greatest",
    b"least",
    b"row",
    b"field",
    b"values",
    b"bin",
    b"now",
    b"pow",
    b"replace",
    b"reverse",
    b"trim",
    b"char_length",
    b"lpad",
    b"any",
];
