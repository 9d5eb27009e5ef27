//! JSON Patch (RFC 6902) with the deviations LaunchDarkly was observed to have.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::switches::{RemoveMissing, Switches, TestFail, UnknownPath};

/// One operation.
#[derive(Debug, Clone, Deserialize)]
pub struct Operation {
    /// What to do.
    pub op: Verb,
    /// Where, as a JSON pointer.
    pub path: String,
    /// With what; `null` is a value, and no value is none.
    #[serde(default, deserialize_with = "present")]
    pub value: Option<Value>,
    /// From where, for move and copy.
    #[serde(default)]
    pub from: Option<String>,
}

/// Tells `null` from an absent value.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// The six verbs of RFC 6902.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Sets a member or inserts into an array.
    Add,
    /// Sets what is there.
    Replace,
    /// Removes what is there.
    Remove,
    /// Checks what is there.
    Test,
    /// Moves.
    Move,
    /// Copies.
    Copy,
}

/// What may be done to a member of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    /// Anything.
    Editable,
    /// Only `test`.
    Fixed,
    /// No such member.
    Unknown,
}

/// Why a patch was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatchError {
    /// 400: not a patch, or one of a member that never changes.
    Invalid(String),
    /// 422: it cannot be applied.
    Failed(String),
    /// 409: a `test` failed and the switch says so.
    Conflict(String),
}

/// Applies a patch to a document, all or nothing, and returns the members it touched.
///
/// # Errors
/// [`PatchError`] for the first operation that cannot be applied; `document` is then unchanged.
pub fn apply(
    document: &mut Map<String, Value>,
    operations: &[Operation],
    switches: &Switches,
    member: impl Fn(&str) -> Member,
) -> Result<Vec<String>, PatchError> {
    let mut root = Value::Object(document.clone());
    let mut touched = Vec::new();
    for operation in operations {
        let path = pointer(&operation.path)?;
        let top = path.first().cloned().unwrap_or_default();
        let taken = match (operation.op, operation.from.as_deref()) {
            (Verb::Move, Some(from)) => pointer(from)?.first().cloned(),
            _ => None,
        };
        if let Some(taken) = taken {
            if member(&taken) != Member::Editable {
                return Err(PatchError::Invalid(format!("/{taken} cannot be changed")));
            }
            note(&mut touched, taken);
        }
        match (member(&top), operation.op) {
            // A test of what is not there fails (RFC 6902): `/version`, which other resources have.
            (Member::Unknown, Verb::Test) => {}
            (Member::Unknown, _) if switches.patch_unknown_path == UnknownPath::Ignore => continue,
            (Member::Unknown, _) => return Err(failed("no such member", operation)),
            (Member::Fixed, verb) if verb != Verb::Test => {
                let message = format!("{} cannot be changed", operation.path);
                return Err(PatchError::Invalid(message));
            }
            _ => {}
        }
        step(&mut root, operation, &path, switches)?;
        if operation.op != Verb::Test {
            note(&mut touched, top);
        }
    }
    if let Value::Object(patched) = root {
        *document = patched;
    }
    Ok(touched)
}

/// The members of the document that the operations would change, each once.
///
/// # Errors
/// [`PatchError::Invalid`] for an operation whose path is none.
pub fn members(operations: &[Operation]) -> Result<Vec<String>, PatchError> {
    let mut members = Vec::new();
    for operation in operations
        .iter()
        .filter(|operation| operation.op != Verb::Test)
    {
        note(
            &mut members,
            pointer(&operation.path)?
                .first()
                .cloned()
                .unwrap_or_default(),
        );
        if let (Verb::Move, Some(from)) = (operation.op, operation.from.as_deref()) {
            note(
                &mut members,
                pointer(from)?.first().cloned().unwrap_or_default(),
            );
        }
    }
    Ok(members)
}

fn note(members: &mut Vec<String>, name: String) {
    if !members.contains(&name) {
        members.push(name);
    }
}

fn step(
    root: &mut Value,
    operation: &Operation,
    path: &[String],
    switches: &Switches,
) -> Result<(), PatchError> {
    let there = find(root, path).is_some();
    match operation.op {
        Verb::Test => {
            if find(root, path) == Some(given(operation)?) {
                return Ok(());
            }
            let message = format!("test of {} failed", operation.path);
            Err(match switches.patch_test_fail {
                TestFail::Fail => PatchError::Failed(message),
                TestFail::Conflict => PatchError::Conflict(message),
            })
        }
        Verb::Add => insert(root, path, given(operation)?.clone(), operation),
        // Terraform's acceptance tests replace members that are not there (observed).
        Verb::Replace if !there => {
            if path.len() == 1 {
                insert(root, path, given(operation)?.clone(), operation)
            } else {
                Err(failed("nothing to replace", operation))
            }
        }
        Verb::Replace => {
            let value = given(operation)?.clone();
            remove(root, path);
            insert(root, path, value, operation)
        }
        // Terraform was answered 422 when it removed what was not there (observed).
        Verb::Remove if !there => {
            if path.len() == 1 && switches.patch_remove_missing == RemoveMissing::Accept {
                Ok(())
            } else {
                Err(failed("nothing to remove", operation))
            }
        }
        Verb::Remove => {
            remove(root, path);
            Ok(())
        }
        Verb::Move | Verb::Copy => {
            let from = pointer(operation.from.as_deref().unwrap_or_default())?;
            let value = find(root, &from).cloned();
            let value = value.ok_or_else(|| failed("nothing to take", operation))?;
            if operation.op == Verb::Move {
                remove(root, &from);
            }
            insert(root, path, value, operation)
        }
    }
}

/// The value of an operation that needs one.
fn given(operation: &Operation) -> Result<&Value, PatchError> {
    let missing = || PatchError::Invalid(format!("{} needs a value", operation.path));
    operation.value.as_ref().ok_or_else(missing)
}

fn failed(why: &str, operation: &Operation) -> PatchError {
    PatchError::Failed(format!("{why} at {}", operation.path))
}

fn pointer(text: &str) -> Result<Vec<String>, PatchError> {
    let Some(rest) = text.strip_prefix('/') else {
        return Err(PatchError::Invalid(format!("{text:?} is not a path")));
    };
    let unescape = |part: &str| part.replace("~1", "/").replace("~0", "~");
    Ok(rest.split('/').map(unescape).collect())
}

fn find<'a>(root: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(root, |value, part| match value {
        Value::Object(members) => members.get(part),
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    })
}

fn find_mut<'a>(root: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    path.iter().try_fold(root, |value, part| match value {
        Value::Object(members) => members.get_mut(part),
        Value::Array(items) => items.get_mut(part.parse::<usize>().ok()?),
        _ => None,
    })
}

fn remove(root: &mut Value, path: &[String]) {
    let Some((last, parents)) = path.split_last() else {
        return;
    };
    match find_mut(root, parents) {
        Some(Value::Object(members)) => {
            members.remove(last);
        }
        Some(Value::Array(items)) => {
            if let Ok(index) = last.parse::<usize>() {
                items.remove(index);
            }
        }
        _ => {}
    }
}

fn insert(
    root: &mut Value,
    path: &[String],
    value: Value,
    operation: &Operation,
) -> Result<(), PatchError> {
    let Some((last, parents)) = path.split_last() else {
        return Err(failed("no member", operation));
    };
    match find_mut(root, parents) {
        Some(Value::Object(members)) => {
            members.insert(last.clone(), value);
            Ok(())
        }
        Some(Value::Array(items)) => {
            let index = if last == "-" {
                Some(items.len())
            } else {
                last.parse().ok()
            };
            match index {
                Some(index) if index <= items.len() => {
                    items.insert(index, value);
                    Ok(())
                }
                _ => Err(failed("no such place", operation)),
            }
        }
        _ => Err(failed("no such place", operation)),
    }
}
