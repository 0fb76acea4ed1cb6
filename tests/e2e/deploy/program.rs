//! What the program takes: commands, flags and variables of the environment, as its help names them.

use std::collections::BTreeSet;
use std::process::Command;

use crate::harness::program;

/// The help of a command.
pub(super) fn help(command: &[&str]) -> String {
    let output = Command::new(program())
        .args(command)
        .arg("--help")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "leeway {}: {}",
        command.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    // It is broken into lines anywhere.
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The command that words begin with, whose flags must be its flags.
pub(super) fn takes(words: &[&str]) {
    let command: Vec<&str> = words
        .iter()
        .take_while(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
        .copied()
        .collect();
    let help = help(&command);
    for flag in words.iter().filter(|word| word.starts_with("--")) {
        assert!(help.contains(&format!("{flag} ")), "{words:?}: {flag}");
    }
}

/// Variables that the program reads, whatever its command.
pub(super) fn variables() -> BTreeSet<String> {
    let commands: [&[&str]; 5] = [
        &["serve"],
        &["demo"],
        &["model-api"],
        &["example", "prepare"],
        &["example", "run"],
    ];
    let text: String = commands.iter().map(|command| help(command)).collect();
    text.split("[env: ")
        .skip(1)
        .map(|rest| rest.split(['=', ']']).next().unwrap().to_owned())
        .collect()
}

#[test]
fn help_names_flags_and_variables() {
    takes(&["serve", "--listen"]);
    let variables = variables();
    for name in ["DATABASE_URL", "LEEWAY_LISTEN", "LEEWAY_LOG_FORMAT"] {
        assert!(variables.contains(name), "{name}: {variables:?}");
    }
    assert!(std::panic::catch_unwind(|| takes(&["serve", "--lisen"])).is_err());
}
