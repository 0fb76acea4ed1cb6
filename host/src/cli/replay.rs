//! `leeway replay`: makes an evaluation of a running server again, and says whether every bit is the same.

use std::io::Write;

use clap::Args;
use serde_json::Value;

use super::server::ServerArgs;

/// Exit code where a number came out differently.
const DIFFERENT: u8 = 1;

/// Makes an evaluation again from what the server keeps, and compares every number bit by bit.
///
/// Ends with 0 if all are the same, with 1 if one is not, and with 2 if the evaluation cannot be made again: the message
/// says what is missing.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// Number of the evaluation, as in `GET /v1/evaluations`
    #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..))]
    evaluation_no: i64,
    #[command(flatten)]
    server: ServerArgs,
    /// Print the server's answer as it is
    #[arg(long)]
    json: bool,
}

/// Runs the command; returns the exit code.
pub(super) fn run(args: &ReplayArgs) -> anyhow::Result<u8> {
    let number = args.evaluation_no.to_string();
    let path = ["v1", "evaluations", &number, "replay"];
    let answer = args.server.post(&path, None)?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&answer)?)?;
    } else {
        write!(out, "{}", told(&answer))?;
    }
    Ok(if answer["same"] == true { 0 } else { DIFFERENT })
}

/// The answer in a few lines.
fn told(answer: &Value) -> String {
    let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
    let number = |field: &str| answer[field].as_u64();
    let mut lines = vec![format!(
        "evaluation {}: {} of '{}', {}",
        answer["evaluation_no"],
        text("monitor"),
        text("model_id"),
        text("detector")
    )];
    let difference = &answer["difference"];
    if answer["same"] == true {
        lines.push(format!(
            "same bits: all {} measurements",
            number("measurements").unwrap_or(0)
        ));
    } else {
        let of = |field: &str| difference[field].as_str().unwrap_or_default();
        let column = match difference["column"].as_str() {
            Some(column) => format!(" of column '{column}'"),
            None => String::new(),
        };
        lines.push(format!(
            "different: {} of {}{column} was {}, and is {}",
            of("field"),
            of("metric"),
            of("then"),
            of("now")
        ));
    }
    lines.push(format!(
        "window from {}{}",
        text("window"),
        match answer["baseline"].as_str() {
            Some("stored") => ", baseline as it was stored",
            Some(_) => ", baseline learned again",
            None => "",
        }
    ));
    if let Some(fuel) = number("fuel") {
        let fit = number("fit_fuel").unwrap_or(0);
        lines.push(format!("{} instructions", fuel.saturating_add(fit)));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_told_in_a_few_lines() {
        let mut answer = json!({
            "evaluation_no": 7, "monitor": "data-drift", "model_id": "churn", "detector": "data-drift@1.0.0", "same": true,
            "measurements": 12, "difference": null, "window": "profiles", "baseline": "stored", "fit_fuel": null, "fuel": 1000,
        });
        assert_eq!(
            told(&answer),
            "evaluation 7: data-drift of 'churn', data-drift@1.0.0\nsame bits: all 12 measurements\n\
             window from profiles, baseline as it was stored\n1000 instructions\n"
        );
        answer["same"] = json!(false);
        answer["difference"] = json!({"metric": "ks", "column": "age", "field": "value", "then": "0.5 (0x1)", "now": "0.25 (0x2)"});
        answer["baseline"] = json!("learned-again");
        answer["fit_fuel"] = json!(1);
        assert_eq!(
            told(&answer),
            "evaluation 7: data-drift of 'churn', data-drift@1.0.0\n\
             different: value of ks of column 'age' was 0.5 (0x1), and is 0.25 (0x2)\n\
             window from profiles, baseline learned again\n1001 instructions\n"
        );
    }
}
