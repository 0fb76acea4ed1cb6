//! How long a page of a list is.

use super::error::{ApiError, ApiResult};
use super::problem::ProblemKind;

/// Most items of a page.
pub(super) const PAGE_ITEMS_MAX: u16 = 1_000;
/// Items of a page where nothing is said.
const PAGE_ITEMS_DEFAULT: u16 = 100;

/// How many items a page shall have: what `limit` says, else 100.
///
/// # Errors
/// `bad-query` outside 1 to [`PAGE_ITEMS_MAX`].
pub(super) fn items(limit: Option<i64>) -> ApiResult<u16> {
    let Some(limit) = limit else {
        return Ok(PAGE_ITEMS_DEFAULT);
    };
    u16::try_from(limit)
        .ok()
        .filter(|limit| (1..=PAGE_ITEMS_MAX).contains(limit))
        .ok_or_else(|| {
            let detail = format!("limit is {limit}; it can be 1 to {PAGE_ITEMS_MAX}");
            ApiError::new(ProblemKind::BadQuery, detail).at("limit")
        })
}

/// The numbers of a cursor, which are written with dots between them.
///
/// # Errors
/// `bad-query` if the text is no cursor of this list.
pub(super) fn cursor<const N: usize>(text: Option<&str>) -> ApiResult<Option<[i64; N]>> {
    let Some(text) = text else {
        return Ok(None);
    };
    let mut numbers = [0; N];
    let mut parts = text.split('.');
    for number in &mut numbers {
        *number = parts.next().and_then(number_of).ok_or_else(foreign)?;
    }
    if parts.next().is_some() {
        return Err(foreign());
    }
    Ok(Some(numbers))
}

/// A number as a cursor has it: digits alone, so that each place has one cursor.
fn number_of(text: &str) -> Option<i64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn foreign() -> ApiError {
    ApiError::new(
        ProblemKind::BadQuery,
        "the cursor is not one that a page of this list gave",
    )
    .at("cursor")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_at_least_one_item_and_at_most_a_thousand() {
        assert_eq!(items(None).unwrap(), PAGE_ITEMS_DEFAULT);
        for fits in [1, i64::from(PAGE_ITEMS_MAX)] {
            assert_eq!(i64::from(items(Some(fits)).unwrap()), fits);
        }
        for odd in [0, -1, i64::from(PAGE_ITEMS_MAX) + 1, i64::MAX] {
            assert_eq!(items(Some(odd)).unwrap_err().kind(), ProblemKind::BadQuery);
        }
    }

    #[test]
    fn a_cursor_is_the_numbers_it_was_made_of_and_nothing_else() {
        assert_eq!(cursor::<2>(Some("17.0")).unwrap(), Some([17, 0]));
        assert_eq!(cursor::<1>(None).unwrap(), None);
        for odd in [
            "",
            "1",
            "1.2.3",
            "1.",
            "1.-2",
            "1.+2",
            "a.b",
            "1.99999999999999999999",
        ] {
            assert!(cursor::<2>(Some(odd)).is_err(), "{odd}");
        }
    }
}
