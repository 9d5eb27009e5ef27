//! The custom resources: what users write and read.
