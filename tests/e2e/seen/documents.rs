//! The queries that `docs/queries.md` shows, straight out of the file.

use super::dashboards::{Language, Question};
use crate::harness::repository;

const FILE: &str = "docs/queries.md";

/// Every block in `PromQL` and SQL.
pub(super) fn questions() -> Vec<Question> {
    let text = std::fs::read_to_string(repository().join(FILE)).unwrap();
    let mut questions = Vec::new();
    for (fence, of) in [
        ("```promql\n", Language::Instant),
        ("```sql\n", Language::Sql),
    ] {
        for block in text.split(fence).skip(1) {
            let (query, _) = block.split_once("```").unwrap();
            questions.push(Question {
                place: format!("{FILE}: {}", query.lines().next().unwrap_or_default()),
                text: query.trim().to_owned(),
                of,
            });
        }
    }
    questions
}

#[test]
fn the_document_has_queries_in_both_languages() {
    let questions = questions();
    for of in [Language::Instant, Language::Sql] {
        assert!(
            questions.iter().filter(|one| one.of == of).count() >= 5,
            "{of:?}"
        );
    }
}
