//! The connections that are open, and which one goes when there is one too many.

use std::net::IpAddr;

use tokio::task::{AbortHandle, Id, JoinSet};

/// Open connections, each a task. They end with this.
#[derive(Debug, Default)]
pub(super) struct Connections {
    tasks: JoinSet<()>,
    /// In the order they came.
    open: Vec<Connection>,
}

#[derive(Debug)]
struct Connection {
    peer: IpAddr,
    task: AbortHandle,
}

impl Connections {
    /// Serves one more, and ends another one first if there are `limit` already. When this returns, at most `limit` hold memory.
    pub(super) async fn admit(
        &mut self,
        limit: usize,
        peer: IpAddr,
        connection: impl Future<Output = ()> + Send + 'static,
    ) {
        while self.open.len() >= limit {
            if let Some(one) = self.most_expendable() {
                one.task.abort();
            }
            self.ended().await;
        }
        let task = self.tasks.spawn(connection);
        self.open.push(Connection { peer, task });
    }

    /// Waits until one has ended, and forgets it; for ever if there is none. Cancel safe.
    pub(super) async fn ended(&mut self) {
        let id: Id = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => error.id(),
            None => std::future::pending().await,
        };
        self.open.retain(|one| one.task.id() != id);
    }

    /// The oldest of the address that has the most: whoever opens many ends their own, not the probe of a node.
    fn most_expendable(&self) -> Option<&Connection> {
        let of = |peer| self.open.iter().filter(|one| one.peer == peer).count();
        let most = self.open.iter().map(|one| of(one.peer)).max()?;
        self.open.iter().find(|one| of(one.peer) == most)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::net::Ipv4Addr;

    use super::*;

    fn peer(number: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, number).into()
    }

    impl Connections {
        async fn come(&mut self, limit: usize, peers: &[u8]) {
            for number in peers {
                self.admit(limit, peer(*number), pending()).await;
            }
        }

        fn peers(&self) -> Vec<IpAddr> {
            self.open.iter().map(|one| one.peer).collect()
        }
    }

    #[tokio::test]
    async fn who_opens_many_connections_ends_their_own() {
        let mut connections = Connections::default();
        let came: Vec<u8> = [1, 2].into_iter().chain([3; 200]).collect();
        connections.come(8, &came).await;
        assert_eq!(connections.peers(), [1, 2, 3, 3, 3, 3, 3, 3].map(peer));
        assert_eq!(connections.tasks.len(), 8);
        // Another one that comes late has a place too.
        connections.come(8, &[4]).await;
        assert_eq!(connections.peers(), [1, 2, 3, 3, 3, 3, 3, 4].map(peer));
    }

    #[tokio::test]
    async fn among_equals_the_oldest_goes() {
        let mut connections = Connections::default();
        connections.come(3, &[1, 2, 3, 4, 5]).await;
        assert_eq!(connections.peers(), [3, 4, 5].map(peer));
    }

    #[tokio::test]
    async fn what_has_ended_leaves_its_place() {
        let mut connections = Connections::default();
        connections.come(2, &[1]).await;
        connections.admit(2, peer(2), async {}).await;
        connections.ended().await;
        connections.come(2, &[3]).await;
        assert_eq!(connections.peers(), [1, 3].map(peer));
    }
}
