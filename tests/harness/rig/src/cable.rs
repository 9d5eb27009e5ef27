//! A connection that can be cut, while both of its ends go on.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::RigError;
use crate::error::Doing;

/// Listens on loopback and passes all connections on to one address, until it is cut. Ends when dropped.
#[derive(Debug)]
pub struct Cable {
    address: SocketAddr,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    to: String,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    condition: Condition,
    /// Both ends of everything that was opened since the last cut.
    open: Vec<TcpStream>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Whole,
    Cut,
    Silent,
    Ended,
}

impl Cable {
    /// A whole cable to this host and port, as in `127.0.0.1:6443`.
    ///
    /// # Errors
    /// There is no port to listen on.
    pub fn to(host: &str) -> Result<Self, RigError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).doing(|| "listen on loopback".into())?;
        let address = listener
            .local_addr()
            .doing(|| "ask for our own address".into())?;
        let inner = Arc::new(Inner {
            to: host.to_owned(),
            state: Mutex::new(State {
                condition: Condition::Whole,
                open: Vec::new(),
            }),
            changed: Condvar::new(),
        });
        let of_thread = Arc::clone(&inner);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if of_thread.state().condition == Condition::Ended {
                    return;
                }
                // Who cannot be connected is closed, and tries again.
                let _ = stream.and_then(|stream| of_thread.connect(stream));
            }
        });
        Ok(Self { address, inner })
    }

    /// Where it listens, as in `127.0.0.1:12345`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Breaks all connections; new ones are closed at once.
    pub fn cut(&self) {
        self.inner.set(Condition::Cut);
    }

    /// Nothing gets through any more, and nobody is told. What is sent meanwhile arrives when the cable is mended, as on
    /// a network that was down for a while, whether or not the sender is still there.
    pub fn silence(&self) {
        self.inner.set(Condition::Silent);
    }

    /// Makes it whole again.
    pub fn mend(&self) {
        self.inner.set(Condition::Whole);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.inner.set(Condition::Ended);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, condition: Condition) {
        let mut state = self.state();
        state.condition = condition;
        if matches!(condition, Condition::Cut | Condition::Ended) {
            for stream in state.open.drain(..) {
                // One that is closed already.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        self.changed.notify_all();
    }

    fn connect(self: &Arc<Self>, near: TcpStream) -> io::Result<()> {
        if self.state().condition == Condition::Cut {
            return near.shutdown(Shutdown::Both);
        }
        let far = TcpStream::connect(&self.to)?;
        // Small messages both ways: none is to wait for the next.
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        self.state()
            .open
            .extend([near.try_clone()?, far.try_clone()?]);
        for (from, to) in [(near.try_clone()?, far.try_clone()?), (far, near)] {
            let inner = Arc::clone(self);
            thread::spawn(move || inner.pass_on(from, to));
        }
        Ok(())
    }

    /// Passes on what comes one way, until it ends.
    fn pass_on(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            let read = from.read(&mut bytes).unwrap_or(0);
            let state = self
                .changed
                .wait_while(self.state(), |state| state.condition == Condition::Silent);
            drop(state);
            if read == 0 || to.write_all(&bytes[..read]).is_err() {
                // One way only: the other may have something under way.
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A cable to somebody who repeats everything.
    fn to_an_echo() -> Cable {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let host = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || io::copy(&mut &stream, &mut &stream));
            }
        });
        Cable::to(&host).unwrap()
    }

    fn connection(cable: &Cable, patience: Duration) -> TcpStream {
        let stream = TcpStream::connect(cable.address()).unwrap();
        stream.set_read_timeout(Some(patience)).unwrap();
        stream
    }

    fn answer(stream: &mut TcpStream) -> io::Result<[u8; 2]> {
        let mut bytes = [0; 2];
        stream.read_exact(&mut bytes).map(|()| bytes)
    }

    const SOON: Duration = Duration::from_secs(10);

    #[test]
    fn what_is_sent_arrives() {
        let cable = to_an_echo();
        let mut stream = connection(&cable, SOON);
        stream.write_all(b"hi").unwrap();
        assert_eq!(answer(&mut stream).unwrap(), *b"hi");
    }

    #[test]
    fn a_cut_ends_what_was_open_and_what_is_opened_until_it_is_mended() {
        let cable = to_an_echo();
        let mut before = connection(&cable, SOON);
        before.write_all(b"hi").unwrap();
        answer(&mut before).unwrap();
        cable.cut();
        assert!(answer(&mut before).is_err());
        let mut meanwhile = connection(&cable, SOON);
        assert!(answer(&mut meanwhile).is_err());
        cable.mend();
        let mut after = connection(&cable, SOON);
        after.write_all(b"hi").unwrap();
        assert_eq!(answer(&mut after).unwrap(), *b"hi");
    }

    #[test]
    fn in_silence_nothing_arrives_before_the_cable_is_mended() {
        let cable = to_an_echo();
        let mut stream = connection(&cable, Duration::from_millis(200));
        cable.silence();
        stream.write_all(b"hi").unwrap();
        assert!(answer(&mut stream).is_err());
        stream.set_read_timeout(Some(SOON)).unwrap();
        cable.mend();
        assert_eq!(answer(&mut stream).unwrap(), *b"hi");
    }
}
