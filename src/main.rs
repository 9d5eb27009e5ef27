//! The operator program: reads the command line, runs the operator, ends with its exit code.
//!
//! 0: told to end, and ended in order. 1: could not start, or a task of it ended. 2: wrong flags. 3: leadership was lost.
//! 4: cut off before everything in hand was finished. Except after 2, a restart is the right answer.

use std::alloc::System;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use launchdarkly_token_operator::controller::Operator;
use launchdarkly_token_operator::runtime::args::{Cli, Command};
use launchdarkly_token_operator::runtime::error::RunError;
use launchdarkly_token_operator::runtime::private_memory;
use launchdarkly_token_operator::runtime::run::run;
use zeroizing_alloc::ZeroAlloc;

/// Wipes whatever is freed: the libraries that send, read and encode keys leave copies behind that only the allocator sees.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    // Before anything secret is there. Where it fails, the log says so once there is one.
    let _ = private_memory::keep();
    let Command::Run(args) = Cli::parse().command;
    if let Err(wrong) = args.validate() {
        Cli::command()
            .error(ErrorKind::ValueValidation, wrong)
            .exit();
    }
    let ended = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(RunError::Runtime)
        .and_then(|runtime| {
            let ended = runtime.block_on(run(*args, Operator));
            // What was dropped on the way out is not waited for.
            runtime.shutdown_background();
            ended
        });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let causes = error.causes();
            tracing::error!(%error, causes, "ended");
            ExitCode::from(error.exit_code())
        }
    }
}
