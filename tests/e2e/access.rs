//! Tokens and migrations: who may come in, and which host may use which schema.

use jiff::Timestamp;
use leeway::domain::Scope;
use leeway::store::{PoolSettings, Store, StoreError};

use crate::harness::server;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_token_is_good_until_it_expires_or_is_revoked() {
    let store = server::database().await;
    let now = time("2026-01-01T00:00:00Z");
    let later = time("2026-01-02T00:00:00Z");
    assert!(!store.any_token(now).await.unwrap());
    let token = store
        .create_token("the fleet", &[Scope::Ingest, Scope::Read], Some(later), now)
        .await
        .unwrap();
    assert!(store.any_token(now).await.unwrap());
    assert!(!store.any_token(later).await.unwrap());
    let caller = store.verify_token(&token, now).await.unwrap().unwrap();
    assert_eq!(caller.name, "the fleet");
    assert!(caller.may(Scope::Read) && !caller.may(Scope::Admin));
    assert_eq!(store.verify_token(&token, later).await.unwrap(), None);

    let stored: Vec<u8> = sqlx::query_scalar("SELECT hash FROM token")
        .fetch_one(store.pool())
        .await
        .unwrap();
    assert_eq!(stored.len(), 32);
    let id = store.tokens().await.unwrap()[0].token_id.clone();
    assert!(token.starts_with(&format!("lw_{id}_")));
    let last = if token.ends_with('0') { "1" } else { "0" };
    for wrong in [
        String::new(),
        "lw_".to_owned(),
        format!("lw_{id}_"),
        format!("{}{last}", &token[..token.len() - 1]),
        format!("lw_000000000000{}", &token[15..]),
        token.to_uppercase(),
        format!("{token}0"),
    ] {
        assert_eq!(
            store.verify_token(&wrong, now).await.unwrap(),
            None,
            "{wrong}"
        );
    }

    assert!(store.revoke_token(&id, now).await.unwrap());
    assert!(!store.revoke_token(&id, now).await.unwrap());
    assert!(!store.revoke_token("none", now).await.unwrap());
    assert_eq!(store.verify_token(&token, now).await.unwrap(), None);
    assert!(!store.any_token(now).await.unwrap());
}

#[tokio::test]
async fn hosts_that_start_together_migrate_once() {
    let server = server::server();
    let name = "migrated_by_four";
    Store::create_database(&server.url("postgres"), name)
        .await
        .unwrap();
    Store::create_database(&server.url("postgres"), name)
        .await
        .unwrap();
    let host = || async {
        let store = Store::connect(&server.url(name), &PoolSettings::default())
            .await
            .unwrap();
        store.migrate().await.unwrap();
        store
    };
    let (store, ..) = tokio::join!(host(), host(), host(), host());
    let (applied, distinct): (i64, i64) =
        sqlx::query_as("SELECT count(*), count(DISTINCT version) FROM _sqlx_migrations")
            .fetch_one(store.pool())
            .await
            .unwrap();
    assert_eq!(
        applied,
        i64::try_from(leeway::store::MIGRATOR.iter().count()).unwrap()
    );
    assert_eq!(applied, distinct);
}

#[tokio::test]
async fn a_host_older_than_the_schema_says_so() {
    let store = server::database().await;
    sqlx::query("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9001, 'from the future', true, '', 0)")
        .execute(store.pool())
        .await
        .unwrap();
    let error = store.migrate().await.unwrap_err();
    assert!(
        matches!(error, StoreError::NewerSchema { found: 9001 }),
        "{error}"
    );
    assert!(
        error.to_string().contains("a newer one has used it"),
        "{error}"
    );
}
