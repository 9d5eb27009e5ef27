//! New keys for previous ones.

use jiff::SignedDuration;

use super::super::edits::Edit;
use super::super::execute::Fate;
use super::super::scenarios::{settled, spec};
use super::stories;

stories! {
    a_key_is_reset_on_schedule_whatever_fails: 1_000, [FetchToken, ResetKey, FenceSecret, ForgetIntent]
        = settled(spec().scheduled()).faults(1).crashes(1).waits(2);

    a_key_is_reset_however_time_passes: 5_700, [ResetKey]
        = settled(spec().scheduled()).faults(1).minutes(2).waits(2);

    a_reset_is_tried_on_a_token_of_no_use_first: 580, [ProbeReset, ResetKey]
        = settled(spec()).unprobed().faults(1).crashes(1).waits(1).edits(&[Edit::Trigger]);

    a_reset_that_nobody_can_try_is_a_replacement: 1_300, [ProbeReset, CreateToken, LimitLife]
        = settled(spec()).untriable().faults(1).crashes(1).waits(1).edits(&[Edit::Trigger]);

    a_cut_off_at_any_moment_ends_every_key_and_a_new_one_follows: 1_000, [RecordCutOff, DeleteToken]
        = settled(spec()).faults(1).crashes(1).waits(1).edits(&[Edit::Trigger, Edit::CutOff]);

    a_revoked_token_that_cannot_be_deleted_has_its_key_reset_away: 1_000, [DeleteToken, LimitLife, EndKey]
        = settled(spec()).undeletable().faults(1).crashes(1).waits(3).edits(&[Edit::Revoke]);

    a_trigger_resets_once_whatever_fails: 6_000, [ResetKey]
        = settled(spec()).faults(2).crashes(1).waits(1).edits(&[Edit::Trigger]);

    a_reset_key_that_does_not_work_is_never_published: 140, [ResetKey, CreateToken]
        = settled(spec().scheduled()).failing_by(&[Fate::DeadKey]).faults(1).crashes(1).waits(3);

    a_token_is_replaced_whatever_fails: 1_200, [LimitLife, DeleteToken, RecordRetirement]
        = settled(spec().replacing()).faults(2).waits(1).edits(&[Edit::Role]);

    a_trigger_replaces_once_whatever_fails: 8_200, [CreateToken, PatchToken]
        = settled(spec().replacing()).faults(1).minutes(1).waits(1).edits(&[Edit::Trigger, Edit::Description]);

    a_revocation_during_a_rotation_cuts_every_previous_key: 11_000, [CreateToken, ResetKey, DeleteToken, ProveRevokedKey]
        = settled(spec()).faults(1).crashes(1).waits(1).edits(&[Edit::Trigger, Edit::Revoke]);

    a_revocation_without_room_for_a_token_resets: 1_000, [ResetKey, Hold]
        = settled(spec()).crowded().faults(1).crashes(1).waits(2).edits(&[Edit::Revoke]);

    a_clock_that_is_ahead_cuts_no_reset_short: 1_100, [ResetKey]
        = settled(spec().scheduled()).ahead_by(SignedDuration::from_mins(10))
            .faults(1).waits(2).edits(&[Edit::Trigger]);

    a_clock_that_is_behind_cuts_no_reset_short: 1_100, [ResetKey]
        = settled(spec().scheduled()).ahead_by(SignedDuration::from_mins(-10))
            .faults(1).waits(2).edits(&[Edit::Trigger]);

    a_clock_that_is_ahead_cuts_no_previous_key_short: 3_500, [LimitLife, DeleteToken]
        = settled(spec().replacing()).ahead_by(SignedDuration::from_mins(10))
            .faults(1).waits(2).edits(&[Edit::Trigger, Edit::Role]);

    a_clock_that_is_behind_cuts_no_previous_key_short: 3_600, [LimitLife, DeleteToken]
        = settled(spec().replacing()).ahead_by(SignedDuration::from_mins(-10))
            .faults(1).waits(2).edits(&[Edit::Trigger, Edit::Role]);
}
