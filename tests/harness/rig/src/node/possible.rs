//! Whether a node can run here.

use std::env;
use std::fs;
use std::process::Command;

/// `CAP_NET_ADMIN` and `CAP_SYS_ADMIN`, as bits: for network, mounts and namespaces.
const NEEDED: u64 = 1 << 12 | 1 << 21;

/// Why no real node can be started here, if that is so: it needs Linux, root's rights and Go. Also what
/// `LDTOKENS_TEST_NODE=0` asks for.
#[must_use]
pub fn impossible_here() -> Option<String> {
    if env::var_os("LDTOKENS_TEST_NODE").is_some_and(|value| value == "0") {
        return Some("LDTOKENS_TEST_NODE is 0".into());
    }
    match capabilities() {
        None => return Some("this is not Linux".into()),
        Some(held) if held & NEEDED != NEEDED => {
            return Some("a real node needs root, with CAP_NET_ADMIN and CAP_SYS_ADMIN".into());
        }
        Some(_) => {}
    }
    let go = Command::new("go").arg("version").output();
    go.is_err()
        .then(|| "there is no Go to build a node with".into())
}

/// What this process may do.
fn capabilities() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}
