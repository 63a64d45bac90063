//! One script per rule about locks, valid values and proofs of lock (arXiv:1807.04938, Algorithm 1;
//! lines are the paper's), in the language of `script`. We are D, the last of four, and propose in
//! round 3.
//!
//! Random liars find such faults once in thousands of heights; a script finds them at once. Each
//! names the faults it must find in an engine that has them.

use crate::{reference::Fault, script::play};

/// Leaves us locked on x since round 0, in round 1, with a proof of lock to match.
const LOCKED_ON_X: &str = "
    A proposes x in 0          => prevote x in 0
    A B prevote x in 0         => precommit x in 0
    A B precommit nil in 0
    clock                      => round 1
";

fn after_lock(script: &str) -> String {
    format!("{LOCKED_ON_X}{script}")
}

#[test]
fn line_22_a_fresh_value_is_prevoted_by_one_who_is_not_locked() {
    play(4, "A proposes x in 0 => prevote x in 0", &[]);
}

#[test]
fn line_22_a_value_the_table_refuses_is_not_prevoted() {
    play(4, "A proposes bad in 0 => prevote nil in 0", &[Fault::L22VotesForUnsoundValues]);
}

#[test]
fn line_23_one_who_is_locked_prevotes_nil_for_another_fresh_value() {
    let script = after_lock("B proposes y in 1 => prevote nil in 1");
    play(4, &script, &[Fault::L22IgnoresTheLock, Fault::L65Unlocks]);
}

#[test]
fn line_23_one_who_is_locked_prevotes_its_own_value_again() {
    let script = after_lock("B proposes x in 1 => prevote x in 1");
    play(4, &script, &[Fault::L22RefusesItsOwnLock]);
}

#[test]
fn line_28_a_value_waits_for_the_proof_of_lock_it_points_at() {
    let script = "
        A B C precommit nil in 0
        clock                       => round 1
        B proposes y since 0 in 1
        A B prevote y in 0
        C prevotes y in 0           => prevote y in 1
    ";
    play(4, script, &[Fault::L28NeedsNoPolka]);
}

/// Forked Malachite 0.5.0: x may be decided in round 0. The proposer of round 1 offers y and points
/// at round 0, where there was a polka, but for x.
#[test]
fn line_28_a_polka_of_one_value_proves_nothing_about_another() {
    let script = after_lock(
        "
        B proposes y since 0 in 1
        clock                       => prevote nil in 1
        ",
    );
    play(4, &script, &[Fault::L28TakesAPolkaOfAnotherValue]);
}

/// The same with nobody locked: there is still no proof.
#[test]
fn line_28_a_polka_of_one_value_proves_nothing_to_one_who_is_not_locked() {
    let script = "
        A B C prevote x in 0
        A B C precommit nil in 0
        clock                       => round 1
        B proposes y since 0 in 1
        clock                       => prevote nil in 1
    ";
    play(4, script, &[Fault::L28TakesAPolkaOfAnotherValue, Fault::L28NeedsNoPolka]);
}

#[test]
fn line_28_a_polka_of_another_round_is_not_the_proof() {
    let script = "
        A B C prevote x in 0
        A prevotes nil in 2
        B precommits nil in 2       => round 2
        C proposes x since 1 in 2
        clock                       => prevote nil in 2
    ";
    play(4, script, &[Fault::L28TakesAPolkaOfAnotherRound]);
}

/// A told us nil and others x: vote by vote we would never see what they saw.
#[test]
fn line_28_a_certificate_proves_what_single_votes_cannot() {
    let script = "
        A prevotes nil in 0
        polka x in 0 by A B C
        A B C precommit nil in 0
        clock                       => round 1
        B proposes x since 0 in 1   => prevote x in 1
    ";
    play(4, script, &[Fault::L28IgnoresCertificates]);
}

#[test]
fn line_29_a_newer_polka_frees_one_who_is_locked() {
    let script = after_lock(
        "
        clock                       => prevote nil in 1
        A B C prevote y in 1
        clock                       => precommit nil in 1
        A B precommit nil in 1
        clock                       => round 2
        C proposes y since 1 in 2   => prevote y in 2
        ",
    );
    play(4, &script, &[Fault::L28NeverUnlocks]);
}

#[test]
fn line_29_an_older_polka_does_not() {
    let script = "
        A B C prevote x in 0
        A B C precommit nil in 0
        clock                       => round 1
        B proposes y in 1           => prevote y in 1
        A B prevote y in 1          => precommit y in 1
        A B precommit nil in 1
        clock                       => round 2
        C proposes x since 0 in 2   => prevote nil in 2
    ";
    play(4, script, &[Fault::L28TakesAnOlderPolka]);
}

#[test]
fn line_29_an_older_polka_of_the_value_we_are_locked_on_is_followed() {
    let script = after_lock(
        "
        B proposes x in 1           => prevote x in 1
        A B prevote x in 1          => precommit x in 1
        A B precommit nil in 1
        clock                       => round 2
        C proposes x since 0 in 2   => prevote x in 2
        ",
    );
    play(4, &script, &[Fault::L28ForgetsWhatItIsLockedOn]);
}

#[test]
fn line_36_a_polka_locks_only_with_the_value_it_is_for() {
    let script = "
        A B C prevote x in 0
        clock                       => prevote nil in 0
        clock                       => precommit nil in 0
    ";
    play(4, script, &[Fault::L36NeedsNoProposal]);
}

#[test]
fn line_36_votes_for_two_values_are_no_polka() {
    let script = "
        A proposes y in 0           => prevote y in 0
        A prevotes y in 0
        B C prevote x in 0
        clock                       => precommit nil in 0
    ";
    play(4, script, &[Fault::L36TakesAQuorumOfAny]);
}

#[test]
fn line_36_nothing_is_precommitted_before_the_prevote() {
    let script = "
        A B C precommit nil in 0
        clock                       => round 1
        B proposes x since 0 in 1
        A B C prevote x in 1
        clock                       => prevote nil in 1, precommit x in 1
    ";
    play(4, script, &[Fault::L36LocksBeforeThePrevote]);
}

/// Locked on x in round 0 and on y in round 2, the old polka of x counts for nothing.
#[test]
fn line_37_a_lock_moves_to_the_newer_value() {
    let script = after_lock(
        "
        clock                       => prevote nil in 1
        A B C prevote y in 1
        clock                       => precommit nil in 1
        A B precommit nil in 1
        clock                       => round 2
        C proposes y since 1 in 2   => prevote y in 2
        A B prevote y in 2          => precommit y in 2
        A B precommit nil in 2
        clock                       => round 3, propose y since 2 in 3, prevote y in 3
        A B C precommit nil in 3
        clock                       => round 4
        A proposes x since 0 in 4   => prevote nil in 4
        ",
    );
    play(4, &script, &[Fault::L36LeavesTheLockBehind]);
}

/// Too late to lock, a polka still makes its value the one to propose, with its round as proof.
#[test]
fn line_42_a_late_polka_makes_its_value_the_next_proposal() {
    let script = "
        A B prevote nil in 2        => round 2
        C proposes x in 2           => prevote x in 2
        clock                       => precommit nil in 2
        polka x in 2 by A B C
        A B precommit nil in 2
        clock                       => round 3, propose x since 2 in 3, prevote x in 3
    ";
    let faults = [
        Fault::L36VotesAgainAfterPrecommit,
        Fault::L42ForgetsTheValue,
        Fault::L16ForgetsTheValidValue,
        Fault::L16HidesTheValidRound,
    ];
    play(4, script, &faults);
}

/// It is valid, not locked: we still follow another fresh value.
#[test]
fn line_42_a_late_polka_locks_nobody() {
    let script = "
        A proposes x in 0           => prevote x in 0
        A prevotes nil in 0
        B prevotes x in 0
        clock                       => precommit nil in 0
        C prevotes x in 0
        A B precommit nil in 0
        clock                       => round 1
        B proposes y in 1           => prevote y in 1
    ";
    play(4, script, &[Fault::L42Locks]);
}

#[test]
fn line_18_without_a_valid_value_the_host_is_asked_for_one() {
    let script = "
        A B prevote nil in 3        => round 3, ask in 3
        offer z in 3                => propose z in 3, prevote z in 3
        offer y in 3
    ";
    play(4, script, &[]);
}

#[test]
fn line_44_a_polka_for_nil_is_answered_at_once() {
    let script = "
        A proposes x in 0           => prevote x in 0
        A B C prevote nil in 0      => precommit nil in 0
    ";
    play(4, script, &[Fault::L44Waits]);
}

#[test]
fn line_44_a_polka_for_nil_does_not_unlock() {
    let script = after_lock(
        "
        clock                       => prevote nil in 1
        A B prevote nil in 1        => precommit nil in 1
        A B precommit nil in 1
        clock                       => round 2
        C proposes y in 2           => prevote nil in 2
        ",
    );
    play(4, &script, &[Fault::L44Unlocks]);
}

#[test]
fn line_47_a_quorum_of_different_precommits_ends_the_round() {
    let script = "
        A precommits x in 0
        B precommits y in 0
        C precommits nil in 0
        clock                       => round 1
    ";
    play(4, script, &[Fault::L47WaitsForOneValue]);
}

#[test]
fn line_49_a_quorum_of_precommits_decides_in_any_round() {
    let script = "
        A proposes x in 0           => prevote x in 0
        A B prevote x in 0          => precommit x in 0
        A precommits x in 0
        C precommits nil in 0
        clock                       => round 1
        B precommits x in 0         => decide x in 0
    ";
    play(4, script, &[Fault::L49NeedsTheCurrentRound]);
}

#[test]
fn line_49_fewer_or_different_precommits_decide_nothing() {
    let script = "
        A proposes x in 0           => prevote x in 0
        A B precommit x in 0
        C precommits nil in 0
    ";
    play(4, script, &[Fault::L49TakesFewer, Fault::L49CountsAnyPrecommits]);
}

#[test]
fn line_49_a_decision_waits_for_its_value() {
    let script = "
        A B C precommit x in 0
        A proposes y in 0           => prevote y in 0
        A proposes x in 0           => decide x in 0
    ";
    play(4, script, &[Fault::L49CountsAnyPrecommits]);
}

#[test]
fn line_55_one_member_ahead_is_not_followed_and_two_are() {
    let script = "
        A prevotes nil in 2
        A precommits nil in 2
        B prevotes nil in 2         => round 2
    ";
    play(4, script, &[Fault::L55FollowsOne, Fault::L55CountsVotesInsteadOfMembers]);
}

#[test]
fn line_55_who_skips_rounds_stays_locked() {
    let script = after_lock(
        "
        A prevotes nil in 2
        B precommits nil in 2       => round 2
        C proposes y in 2           => prevote nil in 2
        ",
    );
    play(4, &script, &[Fault::L55Unlocks]);
}

#[test]
fn line_57_the_proposers_time_runs_out_once_and_only_for_those_who_wait() {
    play(4, "clock => prevote nil in 0", &[]);
    let script = "
        A proposes x in 0           => prevote x in 0
        clock
    ";
    play(4, script, &[Fault::L57VotesTwice]);
}

#[test]
fn line_61_no_second_precommit_follows_the_first() {
    let script = "
        A proposes x in 0           => prevote x in 0
        A prevotes nil in 0
        B prevotes x in 0
        C prevotes x in 0           => precommit x in 0
        clock
    ";
    play(4, script, &[Fault::L61VotesTwice]);
}

#[test]
fn line_61_precommitting_nil_does_not_unlock() {
    let script = after_lock(
        "
        clock                       => prevote nil in 1
        A prevotes y in 1
        B prevotes nil in 1
        clock                       => precommit nil in 1
        A B precommit nil in 1
        clock                       => round 2
        C proposes y in 2           => prevote nil in 2
        ",
    );
    play(4, &script, &[Fault::L61Unlocks]);
}

#[test]
fn line_65_a_timer_of_a_round_that_is_over_moves_nobody() {
    let script = "
        A B C precommit nil in 0
        A prevotes nil in 2
        B precommits nil in 2       => round 2
        clock                       => prevote nil in 2
    ";
    play(4, script, &[Fault::L65TakesAnyRoundsTimer]);
}

/// Of seven, five are a quorum and three are one honest member at least. We are G.
#[test]
fn seven_members_count_to_five_and_three() {
    let script = "
        A C prevote nil in 1
        D precommits nil in 1       => round 1
        B proposes x in 1           => prevote x in 1
        B D E prevote x in 1
        F prevotes x in 1           => precommit x in 1
        B C E precommit x in 1
        F precommits x in 1         => decide x in 1
    ";
    play(7, script, &[Fault::L55FollowsOne, Fault::L49TakesFewer]);
}
