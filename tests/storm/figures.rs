//! What a storm was like, in numbers.

use std::fmt;

use crate::evidence::{Answer, Evidence, Millis};
use crate::film::Shown;
use crate::killer::Killed;

/// The numbers.
pub struct Figures {
    pub kills: usize,
    /// Kills that hit an intent which no kill had hit before.
    pub fresh_hits: usize,
    hits: usize,
    ended_by_itself: usize,
    objects: usize,
    changes: usize,
    tokens: usize,
    resets: usize,
    calls: usize,
    refused: usize,
    recoveries: Vec<Millis>,
}

/// Counts.
pub fn figures(killed: &Killed, evidence: &Evidence, shown: &Shown) -> Figures {
    let kills = &killed.kills;
    let mut recoveries: Vec<Millis> = kills
        .iter()
        .flat_map(|kill| {
            kill.hits
                .iter()
                .filter(|hit| hit.first)
                .map(|hit| (kill.at, hit))
        })
        .filter_map(|(at, hit)| {
            let reel = &shown.reels[&hit.uid];
            let resolved = reel
                .pending
                .iter()
                .find(|(shown, attempt)| *shown >= at && attempt.is_none())
                .map(|(shown, _)| *shown);
            Some(resolved.or(reel.gone)? - at)
        })
        .collect();
    recoveries.sort_unstable();
    Figures {
        kills: kills.len(),
        fresh_hits: kills
            .iter()
            .filter(|kill| kill.hits.iter().any(|hit| hit.first))
            .count(),
        hits: kills.iter().filter(|kill| !kill.hits.is_empty()).count(),
        ended_by_itself: killed.ended_by_itself,
        objects: evidence.lives.len(),
        changes: evidence
            .lives
            .iter()
            .map(|life| life.publications.len())
            .sum(),
        tokens: evidence.tokens.len(),
        resets: evidence.resets_sent.len(),
        calls: evidence.calls.len(),
        refused: evidence
            .calls
            .iter()
            .filter(|call| call.answer == Answer::Refused)
            .count(),
        recoveries,
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |millis: Option<&Millis>| {
            millis.map_or(0.0, |m| f64::from(i32::try_from(*m).unwrap_or(0)) / 1e3)
        };
        writeln!(
            f,
            "{} kills; {} hit a pending intent, {} of them one that no kill had hit before; ended by itself {} times",
            self.kills, self.hits, self.fresh_hits, self.ended_by_itself
        )?;
        writeln!(
            f,
            "{} objects, {} changes of a key, {} tokens created, {} resets sent",
            self.objects, self.changes, self.tokens, self.resets
        )?;
        writeln!(
            f,
            "{} calls by consumers, {} refused, all within a revocation or a deletion unless told otherwise",
            self.calls, self.refused
        )?;
        write!(
            f,
            "from a kill until what it hit was settled: {:.1} s in the median, {:.1} s at most ({} intents)",
            seconds(self.recoveries.get(self.recoveries.len() / 2)),
            seconds(self.recoveries.last()),
            self.recoveries.len()
        )
    }
}
