//! The hosts that share a database: who is alive, by the database's clock.

use std::time::Duration;

use sqlx::postgres::{PgPool, PgPoolOptions};

use super::notes::{self, Note};
use super::{Store, StoreResult};

/// What a host found when it said that it is alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// Whether it was alive all the time since it last said so. If not, others may have taken its models over.
    pub was_alive: bool,
    /// The hosts that are alive and what each says of the others ([`Membership::beat`]), by number.
    pub hosts: Vec<(i64, i64)>,
}

/// A host's place among those on its database. Has a connection of its own: a pool that is busy makes nobody seem dead.
#[derive(Debug)]
pub struct Membership {
    pool: PgPool,
    address: Option<String>,
    /// The host's number.
    pub host_no: i64,
    timeout: Duration,
}

/// How long the row of a host that died is kept for people to see.
const KEPT: Duration = Duration::from_hours(1);

impl Store {
    /// Joins the hosts on this database; alive for `timeout` from each beat on. `address`: where it listens, for people. `only`:
    /// nobody else can be on this database, so whoever seems alive is an earlier run that was killed.
    pub async fn join(
        &self,
        address: Option<&str>,
        timeout: Duration,
        only: bool,
    ) -> StoreResult<Membership> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(timeout)
            .connect_lazy_with((*self.pool.connect_options()).clone());
        let mut membership = Membership {
            pool,
            address: address.map(str::to_owned),
            host_no: 0,
            timeout,
        };
        if only {
            sqlx::query("DELETE FROM host")
                .execute(&membership.pool)
                .await?;
        }
        membership.join().await?;
        Ok(membership)
    }

    /// Numbers and names of all models.
    pub async fn model_names(&self) -> StoreResult<Vec<(i32, String)>> {
        model_names(&self.pool).await
    }
}

async fn model_names(pool: &PgPool) -> StoreResult<Vec<(i32, String)>> {
    let sql = "SELECT model_no, model_id FROM model ORDER BY model_no";
    Ok(sqlx::query_as(sql).fetch_all(pool).await?)
}

impl Membership {
    /// Joins, again where the host's row is gone: under another number.
    pub async fn join(&mut self) -> StoreResult<()> {
        sqlx::query(
            "DELETE FROM host WHERE alive_until < clock_timestamp() - make_interval(secs => $1)",
        )
        .bind(KEPT.as_secs_f64())
        .execute(&self.pool)
        .await?;
        self.host_no = sqlx::query_scalar(
            "INSERT INTO host (address, started_at, alive_until)
             SELECT $1, now, now + make_interval(secs => $2) FROM clock_timestamp() AS now RETURNING host_no",
        )
        .bind(&self.address)
        .bind(self.timeout.as_secs_f64())
        .fetch_one(&self.pool)
        .await?;
        Ok(())
    }

    /// Tells the other hosts that something changed among them.
    pub async fn tell(&self) -> StoreResult<()> {
        notes::send(&self.pool, &Note::Hosts).await
    }

    /// Numbers and names of all models.
    pub async fn model_names(&self) -> StoreResult<Vec<(i32, String)>> {
        model_names(&self.pool).await
    }

    /// Says that the host is alive and what it takes the others for, then looks who else is.
    ///
    /// `None` where its row is gone, as after an hour without a word: it must join again.
    pub async fn beat(&self, view: i64) -> StoreResult<Option<Beat>> {
        let was_alive: Option<bool> = sqlx::query_scalar(
            "UPDATE host h SET alive_until = clock_timestamp() + make_interval(secs => $2), view = $3
             FROM (SELECT host_no, alive_until > clock_timestamp() AS was FROM host WHERE host_no = $1 FOR UPDATE) o
             WHERE h.host_no = o.host_no RETURNING o.was",
        )
        .bind(self.host_no)
        .bind(self.timeout.as_secs_f64())
        .bind(view)
        .fetch_optional(&self.pool)
        .await?;
        let Some(was_alive) = was_alive else {
            return Ok(None);
        };
        let hosts = sqlx::query_as(
            "SELECT host_no, view FROM host WHERE alive_until > clock_timestamp() ORDER BY host_no",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(Some(Beat { was_alive, hosts }))
    }

    /// Leaves: others take the host's models over at once.
    pub async fn leave(&self) -> StoreResult<()> {
        sqlx::query("DELETE FROM host WHERE host_no = $1")
            .bind(self.host_no)
            .execute(&self.pool)
            .await?;
        self.tell().await?;
        self.pool.close().await;
        Ok(())
    }
}
