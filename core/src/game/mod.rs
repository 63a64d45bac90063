//! Craps played over agreement: table log, dice, ledger.
