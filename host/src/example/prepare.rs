//! Lays an example down: trains the model, and draws each client's reference and production.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;

use super::data_set::DataSet;
use super::download::{self, Source};
use super::plan::{Plan, Plot};
use super::streams::World;
use super::{Data, DriftType, flights, newsgroups};
use crate::check::output::number::count;
use crate::demo::DATA_DEFAULT;
use crate::domain::Clock;
use crate::model_api::{MODEL_FILE, Model, Training};
use crate::profile::Random;

/// What is prepared.
#[derive(Debug, Clone)]
pub struct PrepareSettings {
    /// Directory of model, rows and plan.
    pub folder: PathBuf,
    /// Which rows.
    pub data: Data,
    /// Where they come from; where nothing is said, flights from the repository and articles through pip.
    pub source: Option<Source>,
    /// Directory of downloads.
    pub downloads: PathBuf,
    /// What drifts where there is one client.
    pub drift: DriftType,
    /// Clients, at least 1. More than one: what drifts is drawn for each.
    pub clients: usize,
    /// Rows of each client that come in production, at least 1.
    pub rows: usize,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// What time it is: when the model is trained.
    pub clock: Arc<dyn Clock>,
}

/// Prepares an example; `say` is told line by line what was done.
///
/// # Errors
/// If the rows cannot be had, or the directory cannot be written.
pub async fn prepare(settings: &PrepareSettings, mut say: impl FnMut(&str)) -> anyhow::Result<()> {
    let folder = &settings.folder;
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    if settings.clients > 1 && settings.drift != DriftType::None {
        say(&format!(
            "--nbr-clients takes priority: what drifts is drawn for each of the {} clients, and {} is not used",
            settings.clients,
            settings.drift.name()
        ));
    }
    let data = read(settings, &mut say).await?;
    let model = train(&data, settings)?;
    let world = World::new(&data, &model)?;
    let mut random = Random::new(settings.seed);
    let kinds = kinds(settings, &mut random);
    let clients: Vec<Plot> = kinds
        .into_iter()
        .enumerate()
        .map(|(client, drift)| plot(&data, &world, settings, client, drift, &mut random))
        .collect();
    told(&data, &model, &clients, &mut say);
    let plan = Plan::new(&data, model.trained_at, model.columns(), clients);
    let rows: Vec<_> = data.normal.iter().chain(&data.shifted).collect();
    model.save(&folder.join(MODEL_FILE))?;
    plan.save(folder, &rows)?;
    say(&format!("prepared   {}", folder.display()));
    Ok(())
}

async fn read(settings: &PrepareSettings, say: &mut impl FnMut(&str)) -> anyhow::Result<DataSet> {
    match settings.data {
        Data::Flights => {
            let directory = match &settings.source {
                None => DATA_DEFAULT.into(),
                Some(Source::Path(path)) => path.clone(),
                Some(_) => anyhow::bail!("flights come from a directory: --from DIRECTORY"),
            };
            flights::read(&directory)
        }
        Data::Newsgroups => {
            let source = settings.source.clone().unwrap_or(Source::Pip);
            let file = download::articles(&source, &settings.downloads, &mut *say).await?;
            newsgroups::read(&file, settings.seed)
        }
    }
}

fn train(data: &DataSet, settings: &PrepareSettings) -> anyhow::Result<Model> {
    let instances = data.training.iter();
    Model::train(Training {
        name: data.name.to_owned(),
        about: data.about.to_owned(),
        trained_at: settings.clock.now(),
        classes: data.classes.map(str::to_owned),
        input: data.input,
        instances: instances
            .map(|row| (row.instance.clone(), row.label))
            .collect(),
    })
}

/// What drifts for each client: what was asked for, or, for many, each kind as often as another, in random order.
fn kinds(settings: &PrepareSettings, random: &mut Random) -> Vec<DriftType> {
    if settings.clients == 1 {
        return vec![settings.drift];
    }
    let mut kinds = Vec::with_capacity(settings.clients);
    while kinds.len() < settings.clients {
        let mut deck = DriftType::ALL.to_vec();
        while !deck.is_empty() && kinds.len() < settings.clients {
            let at = usize::try_from(random.below(deck.len() as u64)).unwrap_or(0);
            kinds.push(deck.swap_remove(at));
        }
    }
    kinds
}

/// What happens to a client.
fn plot(
    data: &DataSet,
    world: &World<'_>,
    settings: &PrepareSettings,
    client: usize,
    drift: DriftType,
    random: &mut Random,
) -> Plot {
    let model_id = if settings.clients > 1 {
        let digits = settings.clients.to_string().len();
        format!("{}-client-{:0digits$}", data.name, client + 1)
    } else {
        format!("{}-{}", data.name, drift.name())
    };
    let reference = world.reference(random);
    let production = world.production(drift, &reference, settings.rows, random);
    Plot {
        model_id,
        drift,
        reference,
        production: production
            .into_iter()
            .map(|coming| (coming.row, coming.label))
            .collect(),
    }
}

fn told(data: &DataSet, model: &Model, clients: &[Plot], say: &mut impl FnMut(&str)) {
    say(&format!(
        "model      {}: naive Bayes, {} words learned from {} rows",
        data.name,
        count(model.vocabulary() as u64),
        count(model.trained_on as u64)
    ));
    let (first, rest) = clients.split_at(clients.len().min(1));
    for client in first {
        say(&format!(
            "rows       {} of the reference, {} in production{}",
            count(client.reference.len() as u64),
            count(client.production.len() as u64),
            if rest.is_empty() {
                ""
            } else {
                ", of each client"
            }
        ));
    }
    for drift in DriftType::ALL {
        let ids: Vec<&str> = clients
            .iter()
            .filter(|client| client.drift == drift)
            .map(|client| client.model_id.as_str())
            .collect();
        if !ids.is_empty() {
            say(&format!("{:<10} {}", drift.name(), ids.join(", ")));
            say(&format!("           {}", shift(data, drift)));
        }
    }
}

/// What a kind of drift is with these rows.
fn shift(data: &DataSet, drift: DriftType) -> &'static str {
    match drift {
        DriftType::None => "rows come as in the reference",
        DriftType::DataDrift => data.shifts[0],
        DriftType::PriorDrift => data.shifts[1],
        DriftType::ConceptDrift => data.shifts[2],
    }
}
