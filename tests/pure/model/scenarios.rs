//! Where the stories begin, and how much may happen in them.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use launchdarkly_token_operator::domain::decide::decide;
use launchdarkly_token_operator::domain::ids::TokenId;
use launchdarkly_token_operator::domain::observed::Feature;
use launchdarkly_token_operator::domain::record::Record;
use launchdarkly_token_operator::domain::time::minus;

use super::count::{Counts, Next};
use super::edits::Edit;
use super::execute::{Fate, Physics, perform};
use super::ledger::Ledger;
use super::system::{Budget, Decide, System, World};
use super::world::{
    Core, INTERVAL, Memory, Object, Operator, ROOM, Role, START, Spec, Token, new_key,
};

/// Every way a call may go wrong while the keys in the answers work.
const ANY_FATE: &[Fate] = &[
    Fate::Refused,
    Fate::Lost,
    Fate::Unanswered,
    Fate::Late,
    Fate::Killed,
];

/// What a story's object asks for, if nothing else is said.
pub fn spec() -> Spec {
    Spec {
        role: Role::Reader,
        description: 1,
        secret: "web",
        replaces: false,
        scheduled: false,
        triggers: 0,
        revokes: 0,
        cut_offs: 0,
        retains: false,
    }
}

impl Spec {
    /// Rotates by replacement.
    pub fn replacing(self) -> Self {
        Self {
            replaces: true,
            ..self
        }
    }

    /// Rotates on a schedule too.
    pub fn scheduled(self) -> Self {
        Self {
            scheduled: true,
            ..self
        }
    }

    /// Leaves token and Secret when the object goes.
    pub fn retaining(self) -> Self {
        Self {
            retains: true,
            ..self
        }
    }

    /// Asks for a custom role.
    pub fn with_a_custom_role(self) -> Self {
        Self {
            role: Role::Custom,
            ..self
        }
    }
}

/// An object that was just applied. In its account there is somebody else's token of the same name.
pub fn applied(spec: Spec) -> System {
    let neighbour = Token {
        id: "neighbour".into(),
        foreign: true,
        attempt: None,
        role: spec.role,
        description: spec.description,
        keys: vec![(new_key(u32::MAX), None)],
        expiry: None,
        creation_time: START,
        used: false,
    };
    let core = Core {
        clock: START,
        object: Some(Object {
            revision: 1,
            generation: 1,
            finalizer: false,
            deleted_at: None,
            spec,
            record: Record::default(),
        }),
        secrets: BTreeMap::new(),
        tokens: BTreeMap::from([(TokenId::new("neighbour"), neighbour)]),
        flights: Vec::new(),
        room: ROOM,
        deletable: true,
        reset_known: true,
        reset_shown: Feature::Available,
        leader: Operator {
            name: 0,
            since: START,
            memory: Memory::default(),
        },
        paused: None,
        serial: 0,
    };
    System {
        decide,
        physics: Physics {
            offset: SignedDuration::ZERO,
            fenced: true,
        },
        begin: World {
            core,
            ledger: Ledger::default(),
            budget: Budget::default(),
            next: Next::default(),
        },
        fates: ANY_FATE,
        settled: Arc::new(Mutex::new(HashSet::new())),
        counts: Arc::new(Counts::default()),
    }
}

/// An object that has its key for almost an interval, and rests; a new process leads.
pub fn settled(spec: Spec) -> System {
    let mut system = applied(spec);
    let age = if spec.scheduled {
        INTERVAL
    } else {
        SignedDuration::from_hours(1)
    };
    let mut begin = system.begin.clone();
    begin.core.clock = minus(START, age);
    while let Some((seen, step)) = system.decide(&begin.core) {
        if step.is_pause() {
            break;
        }
        let (core, ledger) = (&mut begin.core, &mut begin.ledger);
        perform(system.physics, core, ledger, &seen, &step, Fate::Works);
    }
    begin.core.clock = START;
    begin.core.restart();
    system.begin = begin;
    system
}

impl System {
    /// The account has no room for a token besides those that are there.
    pub fn crowded(mut self) -> Self {
        self.begin.core.room = self.begin.core.tokens.len();
        self
    }

    /// The managing key may not delete tokens for now.
    pub fn undeletable(mut self) -> Self {
        self.begin.core.deletable = false;
        self
    }

    /// Nobody tried yet whether a reset leaves the previous key alive.
    pub fn unprobed(mut self) -> Self {
        self.begin.core.reset_known = false;
        self
    }

    /// Nobody can try it: LaunchDarkly refuses the throw-away token.
    pub fn untriable(mut self) -> Self {
        self.begin.core.reset_shown = Feature::Untried;
        self.unprobed()
    }

    /// LaunchDarkly's clock is ahead by this.
    pub fn ahead_by(mut self, offset: SignedDuration) -> Self {
        self.physics.offset = offset;
        self
    }

    /// Kubernetes lets every write through, whatever its sender read.
    pub fn unfenced(mut self) -> Self {
        self.physics.fenced = false;
        self
    }

    /// Another decision than the production one.
    pub fn deciding(mut self, decide: Decide) -> Self {
        self.decide = decide;
        self
    }

    /// Steps go wrong in these ways only.
    pub fn failing_by(mut self, fates: &'static [Fate]) -> Self {
        self.fates = fates;
        self
    }

    /// So many steps go wrong.
    pub fn faults(mut self, faults: u8) -> Self {
        self.begin.budget.faults = faults;
        self
    }

    /// The process ends between two steps so many times.
    pub fn crashes(mut self, crashes: u8) -> Self {
        self.begin.budget.crashes = crashes;
        self
    }

    /// The leader is paused and overtaken so many times.
    pub fn pauses(mut self, pauses: u8) -> Self {
        self.begin.budget.pauses = pauses;
        self
    }

    /// So many minutes pass while there is work to do.
    pub fn minutes(mut self, minutes: u8) -> Self {
        self.begin.budget.minutes = minutes;
        self
    }

    /// The leader waits so many times for what it waits for.
    pub fn waits(mut self, waits: u8) -> Self {
        self.begin.budget.waits = waits;
        self
    }

    /// Users and others do this, each once, in any order and at any moment.
    pub fn edits(mut self, edits: &[Edit]) -> Self {
        self.begin.budget.edits = edits.to_vec();
        self
    }
}
