//! What GitOps tools make of an object: Flux's kstatus library and Argo CD's Lua and diff, linked into one Go program.

use std::env;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::RigError;
use crate::error::Doing;
use crate::go_module::{GoProgram, SHARED};

const PROGRAM: GoProgram = GoProgram {
    name: "gitops-oracle",
    title: "the GitOps oracle",
    module: SHARED,
    sources: Some("oracle"),
    package: "./oracle",
    tags: "",
    versioned_by: "github.com/fluxcd/cli-utils",
    version_flags: |_| String::new(),
};

/// The program: what `LDTOKENS_TEST_ORACLE` names, else our own build, made now if it is not in the cache.
///
/// # Errors
/// [`RigError::NoGo`], or the build fails.
pub fn oracle() -> Result<PathBuf, RigError> {
    match env::var_os("LDTOKENS_TEST_ORACLE").filter(|value| !value.is_empty()) {
        Some(program) => Ok(program.into()),
        None => PROGRAM.binary(),
    }
}

/// Asks it (`tests/harness/oracle/main.go` has the fields of questions and answers): one answer a question.
///
/// # Errors
/// It cannot be built or run, or a question makes no sense. What it has to say against an object is an answer.
pub fn ask(questions: &[Value]) -> Result<Vec<Value>, RigError> {
    let program = oracle()?;
    let mut lines = String::new();
    for question in questions {
        lines += &question.to_string();
        lines.push('\n');
    }
    let mut child = Command::new(&program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .doing(|| format!("run {}", program.display()))?;
    let pipe = child.stdin.take();
    let output = thread::scope(|scope| {
        // From a thread, since it answers before it has read everything.
        scope.spawn(move || pipe.map(|mut pipe| pipe.write_all(lines.as_bytes())));
        child.wait_with_output()
    })
    .doing(|| "wait for the GitOps oracle".into())?;
    if !output.status.success() {
        return Err(RigError::command("the GitOps oracle", &output));
    }
    let answers: Vec<Value> = serde_json::Deserializer::from_slice(&output.stdout)
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|error| {
            RigError::Unexpected(format!("the GitOps oracle gave no JSON: {error}"))
        })?;
    if answers.len() == questions.len() {
        return Ok(answers);
    }
    let (asked, told) = (questions.len(), answers.len());
    Err(RigError::Unexpected(format!(
        "{asked} questions, {told} answers"
    )))
}
