//! Which room may import which, held to the code: imports run only down, and no two files import each other.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the lint's exception for tests does not see helper functions"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Each room with the rooms that it may import. A room is a folder or a file of `src`; of two that a file is in, the longer one counts.
/// A file may import all of its own room.
const ROOMS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("clock", &[]),
    ("gate", &[]),
    ("traces", &[]),
    ("api", &["domain"]),
    ("redaction", &["domain"]),
    (
        "launchdarkly",
        &["domain", "redaction", "clock", "gate", "traces"],
    ),
    ("cluster", &["domain", "api", "redaction", "gate"]),
    // The process: it knows nothing of the controllers, which it lets run while it leads.
    (
        "runtime",
        &["domain", "api", "launchdarkly", "clock", "gate", "traces"],
    ),
    ("controller", EVERYTHING_BELOW),
    ("controller::account", EVERYTHING_BELOW),
    ("controller::account::observe", ACCOUNTS),
    ("controller::account::execute", ACCOUNTS),
    ("controller::token", TOKENS),
    ("controller::token::observe", TOKENS),
    ("controller::token::execute", TOKENS),
    // The loops alone call both reader and writer.
    (
        "controller::account::reconcile",
        &[
            "domain",
            "launchdarkly",
            "cluster",
            "controller::account",
            "controller::account::observe",
            "controller::account::execute",
        ],
    ),
    (
        "controller::token::reconcile",
        &[
            "domain",
            "api",
            "launchdarkly",
            "cluster",
            "runtime",
            "traces",
            "controller",
            "controller::token",
            "controller::token::observe",
            "controller::token::execute",
        ],
    ),
    ("controller::setup", CONTROLLERS),
    (
        "fuzzing",
        &["domain", "api", "redaction", "launchdarkly", "cluster"],
    ),
    ("main", &["controller", "runtime"]),
];

/// What the controllers stand on.
const EVERYTHING_BELOW: &[&str] = &[
    "domain",
    "api",
    "redaction",
    "launchdarkly",
    "cluster",
    "runtime",
    "clock",
    "gate",
    "traces",
    "controller",
];
/// Reader and writer meet in the loop and share what it hands to both.
const ACCOUNTS: &[&str] = &[
    "domain",
    "api",
    "redaction",
    "launchdarkly",
    "cluster",
    "runtime",
    "clock",
    "gate",
    "traces",
    "controller",
    "controller::account",
];
/// Tokens use accounts, never the other way round. Reader and writer meet in the loop and share what it hands to both.
const TOKENS: &[&str] = &[
    "domain",
    "api",
    "redaction",
    "launchdarkly",
    "cluster",
    "runtime",
    "clock",
    "gate",
    "traces",
    "controller",
    "controller::account",
    "controller::token",
];
const CONTROLLERS: &[&str] = &[
    "domain",
    "api",
    "redaction",
    "launchdarkly",
    "cluster",
    "runtime",
    "clock",
    "gate",
    "traces",
    "controller",
    "controller::account",
    "controller::token",
    "controller::account::reconcile",
    "controller::token::reconcile",
];
/// The name of a module, from the crate's root.
type Module = Vec<String>;

/// One file of `src`.
struct Source {
    path: PathBuf,
    /// What it names of this crate, with the line.
    names: Vec<(Module, usize)>,
    /// Names that it imports: others find them in it.
    imported: BTreeMap<String, Module>,
}

/// One file that names something of another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Import {
    from: Module,
    to: Module,
    line: usize,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The module of a file. Tests in a file of their own belong to what they test.
fn module(path: &Path) -> Module {
    let inside = path.strip_prefix(root()).unwrap().with_extension("");
    let parts = inside.components();
    let mut module: Module = parts
        .map(|part| part.as_os_str().to_str().unwrap().to_owned())
        .collect();
    if module
        .last()
        .is_some_and(|last| last == "mod" || last == "lib")
    {
        module.pop();
    }
    if let Some(tests) = module.iter().position(|part| part == "tests") {
        module.truncate(tests);
    }
    module
}

fn sources() -> BTreeMap<Module, Source> {
    let mut paths = Vec::new();
    files(&root(), &mut paths);
    paths.sort();
    let modules: BTreeSet<Module> = paths.iter().map(|path| module(path)).collect();
    let mut sources: BTreeMap<Module, Source> = BTreeMap::new();
    for path in paths {
        let module = module(&path);
        let tokens: TokenStream = fs::read_to_string(&path).unwrap().parse().unwrap();
        let mut reader = Reader {
            module: module.clone(),
            modules: &modules,
            names: Vec::new(),
            imported: BTreeMap::new(),
        };
        reader.read(tokens);
        let source = sources.entry(module).or_insert_with(|| Source {
            path,
            names: Vec::new(),
            imported: BTreeMap::new(),
        });
        source.names.extend(reader.names);
        source.imported.extend(reader.imported);
    }
    sources
}

/// Finds in a file what it names by `crate::`, `super::` and `self::`, within macros too.
struct Reader<'a> {
    module: Module,
    /// All modules that have a file.
    modules: &'a BTreeSet<Module>,
    names: Vec<(Module, usize)>,
    imported: BTreeMap<String, Module>,
}

impl Reader<'_> {
    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Ident(word) if word == "mod" && is_group(tokens.get(at + 2)) => {
                    // A module within a file: `super` is the file.
                    if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                        (tokens.get(at + 1), tokens.get(at + 2))
                    {
                        self.module.push(name.to_string());
                        self.read(body.stream());
                        self.module.pop();
                    }
                    at += 3;
                }
                TokenTree::Ident(word) if word == "use" => {
                    at = self.path(&tokens, at + 1, None, true);
                }
                TokenTree::Ident(word)
                    if (word == "crate" || word == "super" || word == "self")
                        && is_colons(&tokens, at + 1) =>
                {
                    at = self.path(&tokens, at, None, false);
                }
                // `pub(in …)` names nothing that is used.
                TokenTree::Ident(word) if word == "pub" => {
                    let restricted = matches!(tokens.get(at + 1), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
                    at += if restricted { 2 } else { 1 };
                }
                TokenTree::Group(group) => {
                    self.read(group.stream());
                    at += 1;
                }
                _ => at += 1,
            }
        }
    }

    /// Reads a path, or a tree of paths in a `use`, and returns where it ends.
    fn path(
        &mut self,
        tokens: &[TokenTree],
        mut at: usize,
        prefix: Option<Module>,
        imports: bool,
    ) -> usize {
        let mut path = prefix;
        let mut line = 0;
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Ident(word) => {
                    line = word.span().start().line;
                    let word = word.to_string();
                    path = Some(match (path, word.as_str()) {
                        (_, "crate") => Module::new(),
                        (None, "self") => self.module.clone(),
                        (None, "super") => parent(&self.module),
                        (Some(path), "super") => parent(&path),
                        (Some(path), "self") => path,
                        (Some(path), _) => [path, vec![word]].concat(),
                        (None, _) => {
                            let child = [self.module.clone(), vec![word]].concat();
                            if !self.modules.contains(&child) {
                                // Another crate, or a name that a `use` of this file explains.
                                return skip(tokens, at);
                            }
                            child
                        }
                    });
                    at += 1;
                    if !is_colons(tokens, at) {
                        break;
                    }
                    at += 2;
                }
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    for item in inner
                        .split(|token| is_punct(Some(token), ','))
                        .filter(|item| !item.is_empty())
                    {
                        self.path(item, 0, path.clone(), imports);
                    }
                    return at + 1;
                }
                _ => break,
            }
        }
        let Some(path) = path else { return at.max(1) };
        let mut name = path.last().cloned().unwrap_or_default();
        if let (Some(TokenTree::Ident(word)), Some(TokenTree::Ident(alias))) =
            (tokens.get(at), tokens.get(at + 1))
            && word == "as"
        {
            name = alias.to_string();
        }
        if imports {
            self.imported.insert(name, path.clone());
        }
        self.names.push((path, line));
        at
    }
}

/// The end of a path that is not followed.
fn skip(tokens: &[TokenTree], at: usize) -> usize {
    let rest = tokens[at..]
        .iter()
        .position(|token| is_punct(Some(token), ';'));
    rest.map_or(tokens.len(), |rest| at + rest)
}

fn parent(module: &Module) -> Module {
    module[..module.len().saturating_sub(1)].to_vec()
}

fn is_punct(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')
}

fn is_group(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace)
}

/// The file in which a name is defined, behind every import that passes it on.
fn defined_in(sources: &BTreeMap<Module, Source>, name: &Module) -> Option<Module> {
    let mut name = name.clone();
    // Imports that pass a name on are few: a circle of them would not compile.
    for _ in 0..20 {
        let depth = (0..=name.len())
            .rev()
            .find(|depth| sources.contains_key(&name[..*depth]))?;
        let (file, rest) = name.split_at(depth);
        let passed_on = rest
            .first()
            .and_then(|first| sources[file].imported.get(first));
        match passed_on {
            Some(origin) if !origin.is_empty() => {
                name = [origin.clone(), rest[1..].to_vec()].concat();
            }
            _ => return Some(file.to_vec()),
        }
    }
    None
}

fn imports(sources: &BTreeMap<Module, Source>) -> BTreeSet<Import> {
    let mut imports = BTreeSet::new();
    for (from, source) in sources {
        for (name, line) in &source.names {
            let Some(to) = defined_in(sources, name) else {
                continue;
            };
            if to != *from && !to.is_empty() {
                imports.insert(Import {
                    from: from.clone(),
                    to,
                    line: *line,
                });
            }
        }
    }
    imports
}

/// The room of a module.
fn room(module: &Module) -> &'static str {
    let name = module.join("::");
    let inside = |room: &str| name == room || name.starts_with(&format!("{room}::"));
    let rooms = ROOMS
        .iter()
        .map(|(room, _)| *room)
        .filter(|room| inside(room));
    rooms
        .max_by_key(|room| room.len())
        .unwrap_or_else(|| panic!("{name} is in no room"))
}

#[test]
fn imports_run_only_down() {
    let sources = sources();
    let mut complaints = String::new();
    for import in imports(&sources) {
        if import.from.is_empty() {
            continue;
        }
        // A module names the parts that it is made of.
        if parent(&import.to) == import.from {
            continue;
        }
        let (from, to) = (room(&import.from), room(&import.to));
        let allowed = ROOMS.iter().find(|(room, _)| *room == from).unwrap().1;
        if from != to && !allowed.contains(&to) {
            let file = sources[&import.from]
                .path
                .strip_prefix(root())
                .unwrap()
                .display();
            let _ = writeln!(
                complaints,
                "src/{file}:{}: {from} may not import {}",
                import.line,
                import.to.join("::")
            );
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
}

/// The rooms that a cell of the page names, as `ROOMS` has them.
fn rooms_in(cell: &str) -> BTreeSet<String> {
    let code = cell.split('`').skip(1).step_by(2);
    code.map(|path| {
        let path = path.trim_end_matches('/').trim_end_matches(".rs");
        path.replace('/', "::")
    })
    .collect()
}

#[test]
fn the_page_about_the_layers_says_what_is_held_to() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, table) = page.split_once("| room | may import |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let mut said: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in table.lines().skip(2) {
        let cells: Vec<&str> = row.split(" | ").collect();
        let allowed = match cells[1].strip_prefix("all of the above") {
            Some(but) => said
                .keys()
                .filter(|room| !rooms_in(but).contains(*room))
                .cloned()
                .collect(),
            None => rooms_in(cells[1]),
        };
        let rooms = rooms_in(cells[0]).into_iter();
        said.extend(rooms.map(|room| (room, allowed.clone())));
    }
    let held = ROOMS.iter().map(|(room, allowed)| {
        let others = allowed.iter().filter(|other| *other != room);
        let others: BTreeSet<String> = others.map(|other| (*other).to_owned()).collect();
        ((*room).to_owned(), others)
    });
    assert_eq!(said, held.collect::<BTreeMap<_, _>>());
}

#[test]
fn no_two_files_import_each_other() {
    let sources = sources();
    let mut graph: BTreeMap<&Module, BTreeSet<&Module>> = BTreeMap::new();
    let imports = imports(&sources);
    for import in &imports {
        // A module and the parts that it is made of are one thing.
        let family = import.to == parent(&import.from) || import.from == parent(&import.to);
        if !family {
            graph.entry(&import.from).or_default().insert(&import.to);
        }
    }
    let mut circles = BTreeSet::new();
    for start in graph.keys() {
        if let Some(circle) = circle_through(&graph, start) {
            circles.insert(circle);
        }
    }
    let circles: Vec<String> = circles.into_iter().collect();
    assert!(
        circles.is_empty(),
        "{} circles:\n{}",
        circles.len(),
        circles.join("\n")
    );
}

/// The shortest way from a file back to itself, named from its first file in alphabetical order.
fn circle_through(graph: &BTreeMap<&Module, BTreeSet<&Module>>, start: &Module) -> Option<String> {
    let mut ways = vec![vec![start]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in graph.get(way.last()?).into_iter().flatten() {
                if *next == start {
                    let first = way.iter().enumerate().min_by_key(|(_, module)| **module)?.0;
                    let named = way[first..].iter().chain(&way[..=first]);
                    return Some(
                        named
                            .map(|module| module.join("::"))
                            .collect::<Vec<_>>()
                            .join(" -> "),
                    );
                }
                if seen.insert(*next) {
                    longer.push([way.clone(), vec![*next]].concat());
                }
            }
        }
        ways = longer;
    }
    None
}

/// The names in a text of a file of `controller::token`, as the tests above read them.
fn names_in(text: &str) -> Vec<String> {
    let module = ["controller", "token", "reconcile"]
        .map(str::to_owned)
        .to_vec();
    let modules = BTreeSet::new();
    let mut reader = Reader {
        module,
        modules: &modules,
        names: Vec::new(),
        imported: BTreeMap::new(),
    };
    reader.read(text.parse().unwrap());
    let names = reader.names.iter();
    names.map(|(name, _)| name.join("::")).collect()
}

#[test]
fn every_way_to_name_something_of_another_file_is_found() {
    for (text, names) in [
        ("use crate::domain::step::Step;", vec!["domain::step::Step"]),
        (
            "use super::{context::Context, memory::{self, Memory}};",
            vec![
                "controller::token::context::Context",
                "controller::token::memory",
                "controller::token::memory::Memory",
            ],
        ),
        ("use jiff::Timestamp;", vec![]),
        ("fn f() { crate::traces::note(1) }", vec!["traces::note"]),
        (
            "tracing::info!(a = %super::events::log_name(x));",
            vec!["controller::token::events::log_name"],
        ),
        (
            "mod tests { use super::*; use super::super::world::World; }",
            vec![
                "controller::token::reconcile",
                "controller::token::world::World",
            ],
        ),
        ("pub use crate::a::B as C;", vec!["a::B"]),
    ] {
        assert_eq!(names_in(text), names, "{text}");
    }
}

#[test]
fn a_name_is_followed_to_the_file_that_defines_it() {
    let sources = sources();
    let name = ["launchdarkly", "AccountLimiter"]
        .map(str::to_owned)
        .to_vec();
    let file = defined_in(&sources, &name).unwrap();
    assert_eq!(file.join("::"), "launchdarkly::rate_limit");
    assert!(imports(&sources).len() > 300, "few imports were found");
}

/// The most lines of a file, and of a function outside tests.
const LONGEST: (usize, usize) = (400, 70);

#[test]
fn files_and_functions_stay_short_enough_to_be_read_at_once() {
    let (longest_file, longest_function) = LONGEST;
    let mut paths = Vec::new();
    files(&root(), &mut paths);
    let mut complaints = String::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let name = path.strip_prefix(root()).unwrap().display();
        if lines.len() > longest_file {
            let _ = writeln!(complaints, "src/{name} has {} lines", lines.len());
        }
        let tests = lines.iter().position(|line| *line == "#[cfg(test)]");
        let of_tests = path
            .iter()
            .any(|part| part == "tests" || part == "tests.rs");
        let production = if of_tests {
            0
        } else {
            tests.unwrap_or(lines.len())
        };
        for (at, length) in functions(&lines[..production]) {
            if length > longest_function {
                let _ = writeln!(
                    complaints,
                    "src/{name}:{}: a function of {length} lines",
                    at + 1
                );
            }
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
}

/// Where functions begin, and how many lines they have: rustfmt ends them at the column where they begin.
fn functions(lines: &[&str]) -> Vec<(usize, usize)> {
    let begins = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_function = words.iter().take(4).any(|word| *word == "fn");
        (is_function && !line.trim_start().starts_with("//"))
            .then(|| line.len() - line.trim_start().len())
    };
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(column) = begins(line) else { continue };
        let end = format!("{}}}", " ".repeat(column));
        let body = lines[at..]
            .iter()
            .position(|line| line.ends_with('{') || line.ends_with(';'));
        // Declared in a trait, without a body.
        if body.is_none_or(|body| lines[at + body].ends_with(';')) {
            continue;
        }
        let length = lines[at..].iter().position(|line| *line == end);
        found.extend(length.map(|length| (at, length + 1)));
    }
    found
}
