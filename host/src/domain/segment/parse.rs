//! Text into a split: a tokenizer and a descent.

use super::{By, CUTS_MAX, Condition, DEPTH_MAX, Literal, Operator, SplitError};

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// A bare word: a column or a keyword.
    Word(String),
    /// A name in backquotes.
    Name(String),
    Text(String),
    Number(f64),
    Operator(Operator),
    Open,
    Close,
    Comma,
    End,
}

/// Reads a whole split.
pub(super) fn split(text: &str) -> Result<By, SplitError> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
    };
    let by = match (parser.peek(0).clone(), parser.peek(1)) {
        (Token::Word(column) | Token::Name(column), Token::End) => {
            parser.at += 1;
            By::Column(column)
        }
        (Token::Word(word), Token::Open) if word == "bucket" => parser.bucket()?,
        _ => By::Condition(parser.any(0)?),
    };
    match parser.peek(0) {
        Token::End => Ok(by),
        _ => Err(parser.unexpected("the end")),
    }
}

struct Parser {
    /// With the byte at which each begins; the last one is [`Token::End`].
    tokens: Vec<(usize, Token)>,
    at: usize,
}

impl Parser {
    fn peek(&self, ahead: usize) -> &Token {
        let last = self.tokens.len() - 1;
        &self.tokens[(self.at + ahead).min(last)].1
    }

    fn next(&mut self) -> Token {
        let token = self.peek(0).clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn unexpected(&self, expected: &'static str) -> SplitError {
        let (at, token) = &self.tokens[self.at];
        let found = match token {
            Token::Word(word) => format!("'{word}'"),
            Token::Name(name) => format!("`{name}`"),
            Token::Text(text) => format!("\"{text}\""),
            Token::Number(number) => number.to_string(),
            Token::Operator(_) => "a comparison".to_owned(),
            Token::Open => "'('".to_owned(),
            Token::Close => "')'".to_owned(),
            Token::Comma => "','".to_owned(),
            Token::End => "the end".to_owned(),
        };
        SplitError::Unexpected {
            at: *at,
            expected,
            found,
        }
    }

    fn keyword(&mut self, word: &str) -> bool {
        let there = matches!(self.peek(0), Token::Word(there) if there.eq_ignore_ascii_case(word));
        if there {
            self.at += 1;
        }
        there
    }

    fn expect(&mut self, token: &Token, expected: &'static str) -> Result<(), SplitError> {
        if self.peek(0) == token {
            self.at += 1;
            return Ok(());
        }
        Err(self.unexpected(expected))
    }

    fn column(&mut self) -> Result<String, SplitError> {
        match self.peek(0).clone() {
            Token::Word(name) | Token::Name(name) => {
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.unexpected("a column")),
        }
    }

    fn bucket(&mut self) -> Result<By, SplitError> {
        self.at += 2;
        let column = self.column()?;
        let mut cuts = Vec::new();
        while *self.peek(0) == Token::Comma {
            self.at += 1;
            match self.peek(0) {
                Token::Number(number) => cuts.push(*number),
                _ => return Err(self.unexpected("a number")),
            }
            self.at += 1;
        }
        self.expect(&Token::Close, "',' and a number, or ')'")?;
        let ascend = cuts.windows(2).all(|pair| pair[0] < pair[1]);
        if cuts.is_empty() || cuts.len() > CUTS_MAX || !ascend {
            return Err(SplitError::Cuts);
        }
        Ok(By::Bucket { column, cuts })
    }

    fn any(&mut self, depth: usize) -> Result<Condition, SplitError> {
        let mut parts = vec![self.all(depth)?];
        while self.keyword("or") {
            parts.push(self.all(depth)?);
        }
        Ok(alone_or(parts, Condition::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Condition, SplitError> {
        let mut parts = vec![self.one(depth)?];
        while self.keyword("and") {
            parts.push(self.one(depth)?);
        }
        Ok(alone_or(parts, Condition::All))
    }

    fn one(&mut self, depth: usize) -> Result<Condition, SplitError> {
        if depth >= DEPTH_MAX {
            return Err(SplitError::Depth);
        }
        if self.keyword("not") {
            return Ok(Condition::Not(Box::new(self.one(depth + 1)?)));
        }
        if *self.peek(0) == Token::Open {
            self.at += 1;
            let inner = self.any(depth + 1)?;
            self.expect(&Token::Close, "'and', 'or' or ')'")?;
            return Ok(inner);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Condition, SplitError> {
        let column = self.column()?;
        if self.keyword("is") {
            let not = self.keyword("not");
            if !self.keyword("missing") {
                return Err(self.unexpected("'missing'"));
            }
            return Ok(negated(not, Condition::IsMissing(column)));
        }
        let not = self.keyword("not");
        if self.keyword("in") {
            self.expect(&Token::Open, "'('")?;
            let mut list = vec![self.literal()?];
            while *self.peek(0) == Token::Comma {
                self.at += 1;
                list.push(self.literal()?);
            }
            self.expect(&Token::Close, "',' or ')'")?;
            return Ok(negated(not, Condition::In { column, list }));
        }
        match *self.peek(0) {
            Token::Operator(operator) if !not => {
                self.at += 1;
                let with = self.literal()?;
                Ok(Condition::Compare {
                    column,
                    operator,
                    with,
                })
            }
            _ if not => Err(self.unexpected("'in'")),
            _ => Err(self.unexpected("a comparison, 'in' or 'is'")),
        }
    }

    fn literal(&mut self) -> Result<Literal, SplitError> {
        match self.peek(0) {
            Token::Number(number) => {
                let number = *number;
                self.next();
                Ok(Literal::Number(number))
            }
            Token::Text(text) => {
                let text = text.clone();
                self.next();
                Ok(Literal::Text(text))
            }
            _ => Err(self.unexpected("a number or a text in quotation marks")),
        }
    }
}

fn alone_or(mut parts: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    if parts.len() == 1 {
        parts.remove(0)
    } else {
        many(parts)
    }
}

fn negated(not: bool, condition: Condition) -> Condition {
    if not {
        Condition::Not(Box::new(condition))
    } else {
        condition
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, SplitError> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let two = bytes.get(at + 1).copied();
        let token = match bytes[at] {
            byte if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'(' => single(&mut at, Token::Open),
            b')' => single(&mut at, Token::Close),
            b',' => single(&mut at, Token::Comma),
            b'=' => operator(&mut at, two == Some(b'='), Operator::Equal),
            b'!' if two == Some(b'=') => operator(&mut at, true, Operator::NotEqual),
            b'<' if two == Some(b'=') => operator(&mut at, true, Operator::AtMost),
            b'>' if two == Some(b'=') => operator(&mut at, true, Operator::AtLeast),
            b'<' => operator(&mut at, false, Operator::Less),
            b'>' => operator(&mut at, false, Operator::Greater),
            quote @ (b'"' | b'\'' | b'`') => {
                let inside = &text[at + 1..];
                let end = inside
                    .find(char::from(quote))
                    .ok_or(SplitError::Unended(start))?;
                at += end + 2;
                let inside = inside[..end].to_owned();
                if quote == b'`' {
                    Token::Name(inside)
                } else {
                    Token::Text(inside)
                }
            }
            byte if byte.is_ascii_digit() || b"+-.".contains(&byte) => {
                let is_part = |at: usize| {
                    let after_exponent = at > start && matches!(bytes[at - 1], b'e' | b'E');
                    bytes[at].is_ascii_alphanumeric()
                        || bytes[at] == b'.'
                        || (b"+-".contains(&bytes[at]) && (at == start || after_exponent))
                };
                while at < bytes.len() && is_part(at) {
                    at += 1;
                }
                let number = text[start..at].parse().ok();
                let Some(number) = number.filter(|number: &f64| number.is_finite()) else {
                    return Err(SplitError::Unexpected {
                        at: start,
                        expected: "a number",
                        found: format!("'{}'", &text[start..at]),
                    });
                };
                Token::Number(number)
            }
            byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_.".contains(&byte);
                while at < bytes.len() && is_part(bytes[at]) {
                    at += 1;
                }
                Token::Word(text[start..at].to_owned())
            }
            _ => {
                let found = text[at..].chars().take(1).collect::<String>();
                return Err(SplitError::Unexpected {
                    at,
                    expected: "a column, a number or a text (other names stand in backquotes)",
                    found: format!("'{found}'"),
                });
            }
        };
        tokens.push((start, token));
    }
    tokens.push((bytes.len(), Token::End));
    Ok(tokens)
}

fn single(at: &mut usize, token: Token) -> Token {
    *at += 1;
    token
}

fn operator(at: &mut usize, two: bool, operator: Operator) -> Token {
    *at += 1 + usize::from(two);
    Token::Operator(operator)
}

#[cfg(test)]
mod tests {
    use super::super::{SPLIT_BYTES_MAX, Split};
    use super::*;

    fn error(text: &str) -> String {
        Split::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn columns_buckets_and_conditions_are_told_apart() {
        assert_eq!(split("region").unwrap(), By::Column("region".into()));
        assert_eq!(
            split("`home region`").unwrap(),
            By::Column("home region".into())
        );
        let cut = By::Bucket {
            column: "age".into(),
            cuts: vec![-1.5, 18.0, 1e3],
        };
        assert_eq!(split("bucket(age, -1.5, 18,1e3)").unwrap(), cut);
        assert!(matches!(split("age>=65").unwrap(), By::Condition(_)));
        assert_eq!(split("bucket").unwrap(), By::Column("bucket".into()));
    }

    #[test]
    fn not_binds_closer_than_and_and_that_closer_than_or() {
        let spelled = "((not a = 1) and b = 2) or (c in ('x', \"y\"))";
        let short = "NOT a == 1 AND b = 2 OR c in ('x','y')";
        assert_eq!(split(spelled).unwrap(), split(short).unwrap());
        assert_ne!(
            split("not (a = 1 and b = 2)").unwrap(),
            split(short).unwrap()
        );
        assert_eq!(
            split("a is not missing").unwrap(),
            split("not a is missing").unwrap()
        );
        assert_eq!(
            split("a not in (1)").unwrap(),
            split("not (a in (1))").unwrap()
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, expected) in [
            ("", "it has 0 bytes; it must have 1 to 1000"),
            (
                "a = ",
                "at byte 4: expected a number or a text in quotation marks, found the end",
            ),
            (
                "a = b",
                "at byte 4: expected a number or a text in quotation marks, found 'b'",
            ),
            ("a = 1 b", "at byte 6: expected the end, found 'b'"),
            ("a = 'x", "at byte 4: a quotation mark without its end"),
            (
                "(a = 1",
                "at byte 6: expected 'and', 'or' or ')', found the end",
            ),
            ("a = 1e999", "at byte 4: expected a number, found '1e999'"),
            (
                "a ; b",
                "at byte 2: expected a column, a number or a text (other names stand in backquotes), found ';'",
            ),
            (
                "ä = 1",
                "at byte 0: expected a column, a number or a text (other names stand in backquotes), found 'ä'",
            ),
            (
                "bucket(a)",
                "the numbers of bucket must ascend, and there may be 32",
            ),
            (
                "bucket(a, 2, 1)",
                "the numbers of bucket must ascend, and there may be 32",
            ),
            ("bucket(a, x)", "at byte 10: expected a number, found 'x'"),
            ("a not = 1", "at byte 6: expected 'in', found a comparison"),
            ("1 = a", "at byte 0: expected a column, found 1"),
        ] {
            assert_eq!(error(text), expected, "{text}");
        }
    }

    #[test]
    fn every_limit_holds_on_both_sides() {
        let longest = format!("a = '{}'", "x".repeat(SPLIT_BYTES_MAX - 6));
        assert!(Split::parse(&longest).is_ok());
        assert!(error(&format!("{longest} ")).starts_with("it has 1001 bytes"));
        let nested = |depth: usize| format!("{}a = 1{}", "(".repeat(depth), ")".repeat(depth));
        assert!(Split::parse(&nested(DEPTH_MAX - 1)).is_ok());
        assert_eq!(Split::parse(&nested(DEPTH_MAX)), Err(SplitError::Depth));
        assert!(Split::parse(&"not ".repeat(200)).is_err());
        let cut = |count: usize| {
            let cuts: Vec<String> = (0..count).map(|cut| cut.to_string()).collect();
            Split::parse(&format!("bucket(a, {})", cuts.join(",")))
        };
        assert!(cut(CUTS_MAX).is_ok());
        assert_eq!(cut(CUTS_MAX + 1), Err(SplitError::Cuts));
    }
}
