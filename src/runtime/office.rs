//! A term in office: waits for leadership, lets the work run under it, and hands over.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::error::RunError;
use super::leader::{Leadership, Loss};
use super::shutdown::Shutdown;
use super::work::WorkError;

/// How long the work may take to drain: the proof of a key in hand may take a minute, its publication a few seconds.
/// The manifests give the pod a little more before it is killed.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(75);

/// The election and what hangs on it.
pub(super) struct Office {
    pub(super) electing: AbortOnDropHandle<()>,
    pub(super) standing: watch::Receiver<Leadership>,
    pub(super) release: CancellationToken,
    pub(super) release_limit: Duration,
}

/// How a term in office ended.
enum End {
    /// The work returned.
    Done(Result<Result<(), WorkError>, JoinError>),
    Lost(Loss),
    CutOff,
}

impl Office {
    /// Begins the work once this process leads, and sees to its end, whichever way it comes.
    pub(super) async fn serve(
        mut self,
        shutdown: &Shutdown,
        begin: impl FnOnce() -> JoinHandle<Result<(), WorkError>>,
    ) -> Result<(), RunError> {
        tokio::select! {
            biased;
            // A standby has nothing in hand.
            () = shutdown.drain.cancelled() => {
                self.hand_over().await;
                return Ok(());
            }
            stands = wait_until(&mut self.standing, |stands| *stands != Leadership::Standby) => {
                if let Leadership::Lost(loss) = stands {
                    return Err(loss.into());
                }
            }
        }
        let mut work = AbortOnDropHandle::new(begin());
        let end = tokio::select! {
            biased;
            loss = lost(&mut self.standing) => End::Lost(loss),
            done = &mut work => End::Done(done),
            () = shutdown.abort.cancelled() => End::CutOff,
            () = drain_limit(&shutdown.drain) => End::CutOff,
        };
        match end {
            End::Done(Ok(result)) => {
                let ended_early = !shutdown.drain.is_cancelled();
                self.hand_over().await;
                match result {
                    Err(error) => Err(RunError::Failed(error)),
                    Ok(()) if ended_early => Err(RunError::EndedEarly),
                    Ok(()) => Ok(()),
                }
            }
            // In the other cases a request may still be under way: the Lease is left to run out.
            End::Done(Err(panic)) => Err(RunError::Panicked(panic)),
            End::Lost(loss) => Err(loss.into()),
            End::CutOff => Err(RunError::CutOff),
        }
    }

    /// Gives the Lease back, if it is ours.
    async fn hand_over(self) {
        self.release.cancel();
        if timeout(self.release_limit, self.electing).await.is_err() {
            tracing::warn!("could not release the Lease in time; it will run out");
        }
    }
}

async fn drain_limit(drain: &CancellationToken) {
    drain.cancelled().await;
    tokio::time::sleep(DRAIN_LIMIT).await;
}

async fn lost(standing: &mut watch::Receiver<Leadership>) -> Loss {
    match wait_until(standing, |stands| {
        !matches!(stands, Leadership::Standby | Leadership::Leading)
    })
    .await
    {
        Leadership::Lost(loss) => loss,
        _ => Loss::Unattended,
    }
}

/// Where this process stands once `wanted`; an elector that died counts as lost.
async fn wait_until(
    standing: &mut watch::Receiver<Leadership>,
    wanted: impl FnMut(&Leadership) -> bool,
) -> Leadership {
    match standing.wait_for(wanted).await {
        Ok(stands) => stands.clone(),
        Err(_) => Leadership::Lost(Loss::Unattended),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Trial {
        stands: watch::Sender<Leadership>,
        office: Office,
        shutdown: Shutdown,
        released: CancellationToken,
    }

    /// An office whose elector only notes that it was told to release.
    fn trial() -> Trial {
        let (stands, standing) = watch::channel(Leadership::Standby);
        let (release, released) = (CancellationToken::new(), CancellationToken::new());
        let elector = {
            let (release, released) = (release.clone(), released.clone());
            tokio::spawn(async move {
                release.cancelled().await;
                released.cancel();
            })
        };
        let electing = AbortOnDropHandle::new(elector);
        let release_limit = Duration::from_secs(30);
        let office = Office {
            electing,
            standing,
            release,
            release_limit,
        };
        Trial {
            stands,
            office,
            shutdown: Shutdown::default(),
            released,
        }
    }

    async fn until(drain: CancellationToken) -> Result<(), WorkError> {
        drain.cancelled().await;
        Ok(())
    }

    #[tokio::test]
    async fn a_standby_that_is_told_to_end_begins_nothing() {
        let Trial {
            stands,
            office,
            shutdown,
            released,
        } = trial();
        stands.send_replace(Leadership::Leading);
        shutdown.drain.cancel();
        let ended = office.serve(&shutdown, || unreachable!("the work was begun"));
        ended.await.unwrap();
        assert!(released.is_cancelled());
    }

    #[tokio::test]
    async fn a_leader_that_is_told_to_end_drains_then_releases() {
        let Trial {
            stands,
            office,
            shutdown,
            released,
        } = trial();
        stands.send_replace(Leadership::Leading);
        let drain = shutdown.drain.clone();
        let told = shutdown.clone();
        let still_held = released.clone();
        let ended = office.serve(&shutdown, || {
            told.drain.cancel();
            tokio::spawn(async move {
                until(drain).await?;
                if still_held.is_cancelled() {
                    Err("released too early".into())
                } else {
                    Ok(())
                }
            })
        });
        ended.await.unwrap();
        assert!(released.is_cancelled());
    }

    #[tokio::test]
    async fn a_lost_lease_ends_the_process_and_drops_the_work_without_a_release() {
        let Trial {
            stands,
            office,
            shutdown,
            released,
        } = trial();
        stands.send_replace(Leadership::Leading);
        let ended = office.serve(&shutdown, || {
            stands.send_replace(Leadership::Lost(Loss::TakenBy("rival".to_owned())));
            tokio::spawn(std::future::pending())
        });
        let error = ended.await.unwrap_err();
        assert!(matches!(&error, RunError::Lost(Loss::TakenBy(rival)) if rival == "rival"));
        assert_eq!(error.exit_code(), 3);
        assert!(!released.is_cancelled());
    }

    #[tokio::test]
    async fn a_dead_elector_ends_the_process() {
        let Trial {
            stands,
            office,
            shutdown,
            ..
        } = trial();
        stands.send_replace(Leadership::Leading);
        let ended = office.serve(&shutdown, move || {
            drop(stands);
            tokio::spawn(std::future::pending())
        });
        assert!(matches!(ended.await, Err(RunError::Lost(Loss::Unattended))));
    }

    #[tokio::test]
    async fn work_that_ends_by_itself_ends_the_process_and_frees_the_lease() {
        let Trial {
            stands,
            office,
            shutdown,
            released,
        } = trial();
        stands.send_replace(Leadership::Leading);
        let ended = office.serve(&shutdown, || tokio::spawn(async { Ok(()) }));
        assert!(matches!(ended.await, Err(RunError::EndedEarly)));
        assert!(released.is_cancelled());
    }

    #[tokio::test]
    async fn a_second_signal_cuts_the_work_off_and_leaves_the_lease_to_run_out() {
        let Trial {
            stands,
            office,
            shutdown,
            released,
        } = trial();
        stands.send_replace(Leadership::Leading);
        let told = shutdown.clone();
        let ended = office.serve(&shutdown, || {
            told.drain.cancel();
            told.abort.cancel();
            tokio::spawn(std::future::pending())
        });
        assert_eq!(ended.await.unwrap_err().exit_code(), 4);
        assert!(!released.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_does_not_drain_in_time_is_cut_off() {
        let Trial {
            stands,
            office,
            shutdown,
            released,
        } = trial();
        stands.send_replace(Leadership::Leading);
        let told = shutdown.clone();
        let ended = office.serve(&shutdown, || {
            told.drain.cancel();
            tokio::spawn(std::future::pending())
        });
        assert!(matches!(ended.await, Err(RunError::CutOff)));
        assert!(!released.is_cancelled());
    }
}
