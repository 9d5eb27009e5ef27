//! What users and others do to status, Secret and token.

use super::super::edits::Edit;
use super::super::scenarios::{settled, spec};
use super::stories;

stories! {
    a_lost_status_is_rebuilt_at_any_moment: 10_000, [ProveSecretKey, FetchToken, RecordTakeOver]
        = settled(spec()).faults(1).crashes(1).waits(1).edits(&[Edit::Trigger, Edit::LoseStatus]);

    a_status_that_is_lost_when_a_key_is_due_is_rebuilt: 4_700, [RecordTakeOver, ResetKey, CreateToken]
        = settled(spec().scheduled()).minutes(2).waits(3).edits(&[Edit::LoseStatus]);

    a_secret_that_is_deleted_or_edited_is_repaired: 1_800, [CreateToken, LimitLife]
        = settled(spec()).faults(1).waits(1).edits(&[Edit::DeleteSecret, Edit::OverwriteKey]);

    a_secret_that_is_lost_during_a_rotation_is_repaired: 1_400, [ResetKey, CreateToken]
        = settled(spec()).faults(1).waits(1).edits(&[Edit::Trigger, Edit::DeleteSecret]);

    labels_that_are_taken_off_the_secret_come_back: 2_100, [RenderSecret]
        = settled(spec()).faults(1).crashes(1).waits(1).edits(&[Edit::Trigger, Edit::StripSecret]);

    a_secret_that_somebody_else_takes_is_left_alone: 1_500, [Hold]
        = settled(spec()).faults(1).crashes(1).waits(1).edits(&[Edit::Trigger, Edit::TakeSecret]);

    a_token_that_others_delete_or_reset_is_replaced: 690, [FetchToken, CreateToken]
        = settled(spec()).faults(1).waits(4).edits(&[Edit::DeleteToken, Edit::ResetToken]);

    drift_is_corrected_whatever_fails: 7_100, [PatchToken, RecordSettings, CreateToken]
        = settled(spec()).faults(1).crashes(1).waits(2).edits(&[Edit::DriftToken, Edit::Description]);

    a_renamed_secret_moves_whatever_fails: 3_700, [MoveSecret, RecordSecret, DeleteSecret]
        = settled(spec()).faults(1).crashes(1).waits(1).edits(&[Edit::Rename, Edit::Trigger]);
}
