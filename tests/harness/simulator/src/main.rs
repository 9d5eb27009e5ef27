//! The simulator program.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use launchdarkly_simulator::{BaseRole, Config, KeyValue, Running, Simulator};
use serde_json::Value;

/// A LaunchDarkly account with its access-token API, for tests and demonstrations.
#[derive(Debug, Parser)]
#[command(version, name = "launchdarkly-simulator")]
struct Arguments {
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Writes the port here once the simulator answers.
    #[arg(long)]
    port_file: Option<PathBuf>,
    /// The time and instance to resemble: 2026-10, 2024 or reset-removed.
    #[arg(long, default_value = "2026-10")]
    profile: String,
    /// Sets a switch, as in `list.lag=500`; may be repeated. GET /admin/switches lists them.
    #[arg(long = "switch", value_name = "NAME=VALUE")]
    switches: Vec<String>,
    /// Makes IDs and keys the same at each start.
    #[arg(long)]
    seed: Option<u64>,
    /// The key of the managing token; drawn when left out.
    #[arg(long, env = "LAUNCHDARKLY_SIMULATOR_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Writes the key of the managing token here, readable by the owner alone.
    #[arg(long)]
    key_file: Option<PathBuf>,
    /// The role of the managing token.
    #[arg(long, default_value = "admin")]
    managing_role: Role,
    /// Makes the managing token a personal token.
    #[arg(long)]
    managing_personal: bool,
    /// Adds a custom role with this key; may be repeated.
    #[arg(long = "role", value_name = "KEY")]
    roles: Vec<String>,
    /// The account's ID; drawn when left out.
    #[arg(long)]
    account_id: Option<String>,
    /// How far the clock is ahead of the machine's, in milliseconds.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    clock_offset_ms: i64,
    /// Serves https and writes the certificate of its authority here.
    #[arg(long)]
    tls_ca_out: Option<PathBuf>,
    /// A further name or address for the https certificate; may be repeated.
    #[arg(long = "tls-name", value_name = "NAME", requires = "tls_ca_out")]
    tls_names: Vec<String>,
    /// Ends when standard input closes, so that no process outlives its parent.
    #[arg(long)]
    exit_with_stdin: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    Reader,
    Writer,
    Admin,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(io::stderr)
        .init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do if even that cannot be written.
            let _ = writeln!(io::stderr(), "launchdarkly-simulator: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> io::Result<()> {
    let running = Simulator::start(config(&arguments)?).await?;
    if let (Some(file), Some(pem)) = (&arguments.tls_ca_out, running.ca_pem()) {
        write_whole(file, pem)?;
    }
    if let Some(file) = &arguments.key_file {
        write_whole(file, &running.managing_key())?;
    }
    // Last: who waits for the port finds the other files complete.
    if let Some(file) = &arguments.port_file {
        write_whole(file, &running.address().port().to_string())?;
    }
    announce(&running);
    ended(arguments.exit_with_stdin).await?;
    running.stop(Duration::from_millis(100));
    Ok(())
}

fn config(arguments: &Arguments) -> io::Result<Config> {
    let mut config = Config {
        listen: arguments.listen,
        seed: arguments.seed,
        account_id: arguments.account_id.clone(),
        clock_offset_ms: arguments.clock_offset_ms,
        ..Config::default()
    };
    config.managing.key = arguments.key.as_deref().map(KeyValue::new);
    config.managing.service = !arguments.managing_personal;
    config.managing.role = match arguments.managing_role {
        Role::Reader => BaseRole::Reader,
        Role::Writer => BaseRole::Writer,
        Role::Admin => BaseRole::Admin,
    };
    let profile = Value::from(arguments.profile.as_str());
    config
        .switches
        .set("profile", &profile)
        .map_err(io::Error::other)?;
    for text in &arguments.switches {
        config.switches.set_text(text).map_err(io::Error::other)?;
    }
    for key in &arguments.roles {
        config = config.role(key);
    }
    if arguments.tls_ca_out.is_some() {
        config = config.tls();
        config.tls_names.extend(arguments.tls_names.iter().cloned());
    }
    Ok(config)
}

fn announce(running: &Running) {
    let (api, admin) = (running.url(), running.admin_url());
    // It serves as well when nobody reads this.
    let _ = writeln!(io::stdout(), "API at {api}, admin interface at {admin}");
}

/// Writes a file in one go: who sees it sees all of it.
fn write_whole(file: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut partial = file.as_os_str().to_owned();
    partial.push(".partial");
    let mut options = std::fs::OpenOptions::new();
    let mut out = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)?;
    out.write_all(text.as_bytes())?;
    std::fs::rename(&partial, file)
}

/// Waits for ctrl-c, SIGTERM or, if asked, the end of standard input.
async fn ended(with_stdin: bool) -> io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let (closed, stdin_closed) = tokio::sync::oneshot::channel();
    if with_stdin {
        // A thread of its own: a blocking read cannot be cancelled, the process just ends.
        std::thread::spawn(move || {
            let mut sink = [0_u8; 256];
            while matches!(io::stdin().lock().read(&mut sink), Ok(read) if read > 0) {}
            // Nobody listens any more when another signal came first.
            let _ = closed.send(());
        });
        tokio::select! {
            _ = stdin_closed => {}
            _ = terminate.recv() => {}
            interrupted = tokio::signal::ctrl_c() => interrupted?,
        }
    } else {
        tokio::select! {
            _ = terminate.recv() => {}
            interrupted = tokio::signal::ctrl_c() => interrupted?,
        }
    }
    Ok(())
}
