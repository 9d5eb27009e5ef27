//! Starts the real parts for tests and the demonstration.
