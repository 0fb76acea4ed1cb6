//! Reads a statement of a stranger word by word, to refuse what no reader needs.
//!
//! The database refuses all of it too, by privilege: this is the second fence, and it says what is wrong in words.

use super::sql_reader::SqlError;

/// Longest statement, in bytes.
pub const STATEMENT_BYTES_MAX: usize = 64 * 1024;

/// Functions that run text as a statement, change settings, or reach beyond the views. Beside them goes every name that
/// begins as in [`PREFIXES`].
const NAMES: [&str; 31] = [
    "set_config",
    "current_setting",
    "query_to_xml",
    "query_to_xmlschema",
    "query_to_xml_and_xmlschema",
    "cursor_to_xml",
    "cursor_to_xmlschema",
    "table_to_xml",
    "table_to_xmlschema",
    "table_to_xml_and_xmlschema",
    "schema_to_xml",
    "schema_to_xmlschema",
    "schema_to_xml_and_xmlschema",
    "database_to_xml",
    "database_to_xmlschema",
    "database_to_xml_and_xmlschema",
    "ts_stat",
    "ts_rewrite",
    "nextval",
    "setval",
    "currval",
    "lastval",
    "loread",
    "lowrite",
    "crosstab",
    "connectby",
    "information_schema",
    "inet_server_addr",
    "inet_server_port",
    "inet_client_addr",
    "public",
];
const PREFIXES: [&str; 5] = ["pg_", "lo_", "dblink", "postgres_fdw", "leeway_"];
/// Names that begin as in [`PREFIXES`] and only say what type a value has.
const HARMLESS: [&str; 1] = ["pg_typeof"];
/// Words that a statement may begin with.
const FIRST: [&str; 4] = ["select", "with", "values", "table"];

/// Checks a statement; returns it without its semicolon. `schemas` are those that may not be named.
pub(super) fn check<'a>(statement: &'a str, schemas: &[String]) -> Result<&'a str, SqlError> {
    if statement.len() > STATEMENT_BYTES_MAX {
        return Err(refused(format!(
            "a statement has at most {STATEMENT_BYTES_MAX} bytes"
        )));
    }
    if statement.contains('\0') {
        return Err(refused("a statement has no zero bytes".to_owned()));
    }
    let mut lexer = Lexer {
        text: statement,
        at: 0,
    };
    let mut end = None;
    let mut depth = 0_i64;
    let mut first = true;
    while let Some(token) = lexer.next()? {
        if end.is_some() {
            return Err(refused("only one statement at a time".to_owned()));
        }
        match token {
            Token::Word { name, quoted } => {
                if first && (quoted || !FIRST.contains(&name.as_str())) {
                    return Err(refused(
                        "a statement begins with SELECT, WITH, VALUES or TABLE".to_owned(),
                    ));
                }
                check_name(&name)?;
                if lexer.before_dot() && schemas.contains(&name) {
                    return Err(refused(format!(
                        "schema {name} is not open: only the views in schema history are"
                    )));
                }
                first = false;
            }
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => {
                depth -= 1;
                if depth < 0 {
                    return Err(refused(
                        "a parenthesis closes that was not opened".to_owned(),
                    ));
                }
            }
            Token::Sign(';') => end = Some(lexer.at - 1),
            Token::Sign(_) | Token::Value if first => {
                return Err(refused(
                    "a statement begins with SELECT, WITH, VALUES or TABLE".to_owned(),
                ));
            }
            Token::Sign(_) | Token::Value => {}
        }
    }
    if first {
        return Err(refused("the statement is empty".to_owned()));
    }
    if depth != 0 {
        return Err(refused(
            "a parenthesis opens that does not close".to_owned(),
        ));
    }
    Ok(&statement[..end.unwrap_or(statement.len())])
}

fn check_name(name: &str) -> Result<(), SqlError> {
    let barred = NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    if barred && !HARMLESS.contains(&name) {
        return Err(refused(format!("{name} may not be used here")));
    }
    Ok(())
}

fn refused(reason: String) -> SqlError {
    SqlError::Refused {
        reason,
        position: None,
    }
}

/// A piece of a statement.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// A keyword or a name: as the database reads it, in lower case unless quoted.
    Word { name: String, quoted: bool },
    /// A string or a number.
    Value,
    /// Any other character.
    Sign(char),
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Whether a dot follows, which makes the word before it the name of a schema, table or alias.
    fn before_dot(&self) -> bool {
        let mut ahead = Lexer {
            text: self.text,
            at: self.at,
        };
        ahead.skip_blank().is_ok() && ahead.peek() == Some('.')
    }

    fn next(&mut self) -> Result<Option<Token>, SqlError> {
        self.skip_blank()?;
        let Some(c) = self.peek() else {
            return Ok(None);
        };
        let rest = self.rest();
        let lower: String = rest
            .chars()
            .take(3)
            .collect::<String>()
            .to_ascii_lowercase();
        if lower.starts_with("u&\"") || lower.starts_with("u&'") {
            // Names that are spelled with escapes have no use but to hide.
            return Err(refused("U& escapes may not be used here".to_owned()));
        }
        if lower.starts_with("e'") {
            self.at += 2;
            self.skip_string(true)?;
            self.skip_blank()?;
            if self.peek() == Some('\'') {
                // Its next piece would go on with backslashes.
                return Err(refused(
                    "a string with backslashes is in one piece".to_owned(),
                ));
            }
            return Ok(Some(Token::Value));
        }
        if lower.starts_with("b'") || lower.starts_with("x'") || lower.starts_with("n'") {
            self.at += 2;
            self.skip_string(false)?;
            return Ok(Some(Token::Value));
        }
        match c {
            '\'' => {
                self.at += 1;
                self.skip_string(false)?;
                Ok(Some(Token::Value))
            }
            '"' => self.quoted_name().map(Some),
            '$' => self.dollar().map(Some),
            '0'..='9' => {
                let length = rest
                    .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                    .unwrap_or(rest.len());
                self.at += length;
                Ok(Some(Token::Value))
            }
            c if is_name_start(c) => {
                let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
                let name = rest[..length].to_lowercase();
                self.at += length;
                Ok(Some(Token::Word {
                    name,
                    quoted: false,
                }))
            }
            other => {
                self.at += other.len_utf8();
                Ok(Some(Token::Sign(other)))
            }
        }
    }

    /// Skips white space and comments, which nest.
    fn skip_blank(&mut self) -> Result<(), SqlError> {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            if blank > 0 {
                self.at += blank;
            } else if rest.starts_with("--") {
                self.at += rest.find(['\n', '\r']).unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                self.skip_comment()?;
            } else {
                return Ok(());
            }
        }
    }

    fn skip_comment(&mut self) -> Result<(), SqlError> {
        let mut depth = 0_u32;
        loop {
            let rest = self.rest();
            if rest.starts_with("/*") {
                depth += 1;
                self.at += 2;
            } else if rest.starts_with("*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return Ok(());
                }
            } else if let Some(c) = rest.chars().next() {
                self.at += c.len_utf8();
            } else {
                return Err(refused("a comment does not end".to_owned()));
            }
        }
    }

    /// Skips to behind the end of a string whose beginning was read.
    fn skip_string(&mut self, backslashes: bool) -> Result<(), SqlError> {
        while let Some(c) = self.peek() {
            self.at += c.len_utf8();
            match c {
                '\\' if backslashes => {
                    self.at += self.peek().map_or(0, char::len_utf8);
                }
                '\'' if self.peek() == Some('\'') => self.at += 1,
                '\'' => return Ok(()),
                _ => {}
            }
        }
        Err(refused("a string does not end".to_owned()))
    }

    fn quoted_name(&mut self) -> Result<Token, SqlError> {
        self.at += 1;
        let mut name = String::new();
        while let Some(c) = self.peek() {
            self.at += c.len_utf8();
            if c == '"' {
                if self.peek() != Some('"') {
                    return Ok(Token::Word { name, quoted: true });
                }
                self.at += 1;
            }
            name.push(c);
        }
        Err(refused("a quoted name does not end".to_owned()))
    }

    /// A string between `$tag$` and `$tag$`, or a parameter, which nobody fills.
    fn dollar(&mut self) -> Result<Token, SqlError> {
        let rest = self.rest();
        let tag_end = rest[1..].find(|c| !is_name(c) || c == '$').map(|at| at + 1);
        let tag = match tag_end {
            Some(end)
                if rest[end..].starts_with('$')
                    && !rest[1..].starts_with(|c: char| c.is_ascii_digit()) =>
            {
                &rest[..=end]
            }
            _ => return Err(refused("parameters may not be used here".to_owned())),
        };
        let Some(length) = rest[tag.len()..].find(tag) else {
            return Err(refused("a string does not end".to_owned()));
        };
        self.at += length + 2 * tag.len();
        Ok(Token::Value)
    }
}

fn is_name_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

fn is_name(c: char) -> bool {
    is_name_start(c) || c.is_ascii_digit() || c == '$'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(statement: &str) -> Option<String> {
        check(statement, &["other".to_owned(), "pg_catalog".to_owned()])
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn plain_questions_pass() {
        for statement in [
            "select * from measurements",
            "  -- what drifted\n WITH x AS (SELECT 1 AS \"a b\") TABLE x ; -- done",
            "((select 1))",
            "values (1, 'it''s; fine', $$ a ; b $$, $x$ $$ ; $x$, E'\\';')",
            "select m.verdict, other from history.measurements m where model_id = 'pg_sleep(1)'",
            "select pg_typeof(1), 1e5, 0x1F, x'ff' /* a /* nested */ ; comment */",
        ] {
            assert_eq!(reason(statement), None, "{statement}");
        }
        assert_eq!(check(" select 1 ; ", &[]).unwrap(), " select 1 ");
    }

    #[test]
    fn what_no_reader_needs_is_refused() {
        for (statement, part) in [
            ("", "empty"),
            ("-- nothing", "empty"),
            ("delete from models", "begins with"),
            ("\"select\" 1", "begins with"),
            ("'select' 1", "begins with"),
            ("select 1; select 2", "one statement"),
            ("select 1;;", "one statement"),
            ("select pg_sleep(1)", "pg_sleep"),
            ("select PG_SLEEP(1)", "pg_sleep"),
            ("select \"pg_sleep\"(1)", "pg_sleep"),
            ("select U&\"\\0070g_sleep\"(1)", "U&"),
            ("select u&'\\0070g_sleep'", "U&"),
            (
                "select pg_catalog.set_config('a', 'b', false)",
                "pg_catalog",
            ),
            ("select set_config('a', 'b', false)", "set_config"),
            (
                "select query_to_xml('select 1', true, true, '')",
                "query_to_xml",
            ),
            ("select lo_import('/etc/passwd')", "lo_import"),
            (
                "select * from information_schema.tables",
                "information_schema",
            ),
            ("select * from other . things", "schema other"),
            ("select * from other/**/.things", "schema other"),
            ("select * from public.token", "public"),
            ("select $1", "parameters"),
            ("select $1$ a $1$", "parameters"),
            ("select 1) x, (select 2", "was not opened"),
            ("select (1", "does not close"),
            ("select 'a", "does not end"),
            ("select $a$ b", "does not end"),
            ("select \"a", "does not end"),
            ("select 1 /* ", "does not end"),
            ("select E'a'\n'\\', pg_sleep(1), '", "one piece"),
        ] {
            let said = reason(statement).unwrap_or_default();
            assert!(said.contains(part), "{statement}: {said:?}");
        }
    }
}
