//! The program in the image: for which architecture, and whether it can stand alone.

use std::fs;
use std::path::Path;

use object::elf::{PT_INTERP, ProgramHeader64};
use object::read::elf::{ElfFile, ProgramHeader as _};
use object::{Architecture, Endianness, Object as _};

use crate::ImageError;

/// A statically linked program for Linux.
#[derive(Debug, Clone)]
pub struct Program {
    /// As OCI calls it: `amd64` or `arm64`.
    pub architecture: &'static str,
    /// The file.
    pub content: Vec<u8>,
}

impl Program {
    /// Reads a program and checks that it needs nothing but a kernel.
    ///
    /// # Errors
    /// It cannot be read, is not for Linux on a known architecture, or is linked dynamically.
    pub fn read(path: &Path) -> Result<Self, ImageError> {
        let shown = path.display().to_string();
        let content = fs::read(path).map_err(ImageError::io(format!("read {shown}")))?;
        let Some((architecture, dynamic)) = look(&content) else {
            return Err(ImageError::NotLinux { path: shown });
        };
        if dynamic {
            return Err(ImageError::Dynamic { path: shown });
        }
        Ok(Self {
            architecture,
            content,
        })
    }
}

/// The architecture, and whether a dynamic linker is asked for.
fn look(content: &[u8]) -> Option<(&'static str, bool)> {
    let elf = ElfFile::<'_, object::elf::FileHeader64<Endianness>>::parse(content).ok()?;
    let architecture = match elf.architecture() {
        Architecture::X86_64 => "amd64",
        Architecture::Aarch64 => "arm64",
        _ => return None,
    };
    let asks = |header: &ProgramHeader64<Endianness>| header.p_type(elf.endian()) == PT_INTERP;
    Some((architecture, elf.elf_program_headers().iter().any(asks)))
}
