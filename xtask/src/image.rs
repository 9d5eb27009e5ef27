//! `cargo xtask image`.

use std::fs;
use std::path::{Path, PathBuf};

use operator_image::{Program, unpack};
use rig::build::Publication;
use rig::{RigError, build, image};

use crate::say;

/// What to write, and where.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder to write `oci/` (an image layout) and `launchdarkly-token-operator.tar` (the same as one file)
    /// into [default: image in the target directory].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// What the image is called, without tag.
    #[arg(long, value_name = "NAME", default_value = image::NAME)]
    name: String,

    /// A program that was built elsewhere, instead of building it; one for each architecture that the image
    /// is to be for.
    #[arg(long, value_name = "FILE")]
    binary: Vec<PathBuf>,

    /// Put the list of dependencies into the program, for scanners; needs cargo-auditable.
    #[arg(long, conflicts_with = "binary")]
    auditable: bool,

    /// Write the files of the image into this folder, and no image: for the Dockerfile.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "name"])]
    root: Option<PathBuf>,
}

/// Builds the operator and writes its image; tells whether that worked.
pub fn run(arguments: &Arguments) -> bool {
    match write(arguments) {
        Ok(()) => true,
        Err(error) => {
            say!("There is no image.\n{error:?}");
            false
        }
    }
}

fn write(arguments: &Arguments) -> Result<(), RigError> {
    let revision = image::revision();
    let files = match &arguments.binary[..] {
        [] => vec![build::operator_for(Publication {
            commit: Some(&revision),
            auditable: arguments.auditable,
        })?],
        built => built.to_owned(),
    };
    let programs = files
        .iter()
        .map(|file| Program::read(file))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(root) = &arguments.root {
        let [program] = &programs[..] else {
            return Err(RigError::Unexpected("--root takes one program".into()));
        };
        unpack(program, root)?;
        say!("files     {}", root.display());
        return Ok(());
    }
    let architectures: Vec<&str> = programs
        .iter()
        .map(|program| program.architecture)
        .collect();
    let out = arguments.out.clone().unwrap_or_else(image::folder);
    let layout = image::of(programs, &arguments.name, &revision)?.layout()?;
    let (folder, archive) = (out.join("oci"), out.join(image::NAME).with_extension("tar"));
    empty(&folder)?;
    layout.write_folder(&folder)?;
    layout.write_archive(&archive)?;
    say!(
        "image     {}:{} for {}",
        arguments.name,
        image::VERSION,
        architectures.join(" and ")
    );
    say!("revision  {revision}");
    say!("digest    {}", layout.digest());
    say!("layout    {}", folder.display());
    say!("archive   {}", archive.display());
    Ok(())
}

/// Blobs of an earlier image must not stay in the layout.
fn empty(folder: &Path) -> Result<(), RigError> {
    match fs::remove_dir_all(folder.join("blobs")) {
        Err(error) if folder.join("blobs").exists() => Err(RigError::Unexpected(format!(
            "cannot empty {}: {error}",
            folder.display()
        ))),
        _ => Ok(()),
    }
}
