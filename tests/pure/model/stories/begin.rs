//! The first key.

use super::super::edits::Edit;
use super::super::execute::Fate;
use super::super::scenarios::{applied, spec};
use super::stories;

stories! {
    a_token_is_created_whatever_fails: 4_400, [
        AddFinalizer, RecordIntent, CreateToken, ProveKey, PublishKey, RecordPublication,
        ListTokens, AbandonAttempt, DeleteToken, Hold, Rest
    ] = applied(spec()).faults(2).crashes(1).waits(1);

    a_token_with_a_custom_role_is_created_whatever_fails: 3_500, [ResolveRoles, CreateToken, PatchToken]
        = applied(spec().with_a_custom_role()).faults(1).crashes(1).waits(1).edits(&[Edit::Description]);

    a_created_key_that_does_not_work_is_never_published: 60, [ProveKey, DeleteToken, AbandonAttempt]
        = applied(spec()).failing_by(&[Fate::DeadKey]).faults(1).crashes(1).waits(3);

    a_status_lost_before_the_first_key_leaks_nothing: 4_800, [RecordTakeOver]
        = applied(spec()).faults(1).crashes(1).waits(1).edits(&[Edit::LoseStatus]);
}
