//! The pages of the documentation, taken apart.

use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// Folders without pages of ours.
const ELSEWHERE: [&str; 4] = [".git", "target", "node_modules", ".venv"];

/// One page.
#[derive(Debug, Default)]
pub struct Page {
    /// Where it is, from the root of the repository.
    pub path: PathBuf,
    /// Its headings, as they read.
    pub headings: Vec<String>,
    /// Where its links lead, as written.
    pub links: Vec<String>,
    /// What stands between backticks within the text.
    pub spans: Vec<String>,
    /// Its blocks of code.
    pub blocks: Vec<Block>,
}

/// A block of code.
#[derive(Debug, Default)]
pub struct Block {
    /// The heading that it stands under.
    pub section: String,
    pub language: String,
    pub text: String,
}

impl Page {
    fn read(path: &Path, text: &str) -> Self {
        let mut page = Self {
            path: path.to_owned(),
            ..Self::default()
        };
        let mut heading: Option<String> = None;
        let mut block: Option<Block> = None;
        for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => page.headings.extend(heading.take()),
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.into_string());
                }
                Event::Start(Tag::CodeBlock(kind)) => {
                    let language = match kind {
                        CodeBlockKind::Fenced(language) => language.into_string(),
                        CodeBlockKind::Indented => String::new(),
                    };
                    block = Some(Block {
                        section: page.headings.last().cloned().unwrap_or_default(),
                        language,
                        text: String::new(),
                    });
                }
                Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
                Event::Text(text) => {
                    if let Some(block) = &mut block {
                        block.text.push_str(&text);
                    } else if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::Code(code) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&code);
                    }
                    page.spans.push(code.into_string());
                }
                _ => {}
            }
        }
        page
    }

    /// The blocks in one of these languages.
    pub fn blocks(&self, languages: &[&str]) -> impl Iterator<Item = &Block> + use<'_> {
        let languages: Vec<_> = languages.iter().map(|&name| name.to_owned()).collect();
        let wanted = move |block: &&Block| languages.contains(&block.language);
        self.blocks.iter().filter(wanted)
    }

    /// The text of each block in this language under a heading.
    pub fn section(&self, heading: &str, language: &str) -> Vec<&str> {
        let blocks = self.blocks(&[language]);
        let of_it = blocks.filter(|block| block.section == heading);
        of_it.map(|block| block.text.as_str()).collect()
    }

    /// The words of its commands, without comments.
    pub fn shell_words(&self) -> impl Iterator<Item = &str> {
        let lines = self.blocks(&["sh"]).flat_map(|block| block.text.lines());
        let commands = lines.map(|line| line.split(" #").next().unwrap_or_default());
        commands.flat_map(str::split_whitespace)
    }
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page of the repository.
pub fn all() -> Vec<Page> {
    let mut paths = Vec::new();
    find(root(), &mut paths, &|path| {
        path.extension().is_some_and(|extension| extension == "md")
    });
    let read = |path: &PathBuf| {
        Page::read(
            path.strip_prefix(root()).unwrap(),
            &fs::read_to_string(path).unwrap(),
        )
    };
    let pages: Vec<_> = paths.iter().map(read).collect();
    assert!(pages.len() >= 12, "only {} pages were found", pages.len());
    pages
}

/// All files below a folder for which `wanted` says so.
pub fn find(folder: &Path, into: &mut Vec<PathBuf>, wanted: &dyn Fn(&Path) -> bool) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap_or_default();
            if !ELSEWHERE.iter().any(|elsewhere| name == *elsewhere) {
                find(&path, into, wanted);
            }
        } else if wanted(&path) {
            into.push(path);
        }
    }
}

/// Whether this is the name of a source or of a manifest, and no path of fields.
pub fn is_file(name: &str) -> bool {
    let extension = Path::new(name).extension();
    extension.is_some_and(|extension| extension == "rs" || extension == "yaml")
}

/// The text of all Rust sources below these folders.
pub fn sources(folders: &[&str]) -> String {
    let mut paths = Vec::new();
    for folder in folders {
        find(&root().join(folder), &mut paths, &|path| {
            path.extension().is_some_and(|extension| extension == "rs")
        });
    }
    let texts: Vec<_> = paths
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    texts.join("\n")
}

/// Fails with a list of what is wrong, and where.
pub fn verdict(what: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
}
