//! What is installed: Debian packages, and an image for containers, made from Debian's packages alone.

mod contents;
mod debian;
mod image;
mod output;
mod programs;
mod trial;

use std::path::PathBuf;

use anyhow::Result;
use margay_lab::packages::{BINUTILS, install_missing};

pub(crate) use self::programs::Profile;
use self::programs::Programs;
use crate::supply::write_bill;
use crate::workspace::Workspace;

/// Makes the Debian packages, and prints where they are.
pub(crate) fn packages(workspace: &Workspace, profile: Profile, is_tried: bool) -> Result<()> {
    let made = make_packages(workspace, profile)?;
    made.iter().for_each(|file| println!("{}", file.display()));
    if is_tried { trial::of_packages(workspace, &made) } else { Ok(()) }
}

/// Makes the image, and prints where it is.
pub(crate) fn image(workspace: &Workspace, profile: Profile, is_tried: bool) -> Result<()> {
    let made = make_packages(workspace, profile)?;
    let image = image::make(workspace, &made)?;
    println!("{}", image.display());
    if is_tried { trial::of_image(workspace, &image) } else { Ok(()) }
}

/// Makes the image, and loads it into Podman, which has to be installed.
///
/// # Errors
///
/// A step fails.
pub(crate) fn load_image(workspace: &Workspace, profile: Profile) -> Result<()> {
    let made = make_packages(workspace, profile)?;
    trial::load_image(&image::make(workspace, &made)?)
}

fn make_packages(workspace: &Workspace, profile: Profile) -> Result<Vec<PathBuf>> {
    install_missing(&[BINUTILS])?;
    let folder = output::folder(workspace)?;
    let bill = write_bill(workspace)?;
    let programs = Programs::build(workspace, profile)?;
    contents::all(workspace, &programs, &bill)?.iter().map(|package| debian::make(&folder, package)).collect()
}
