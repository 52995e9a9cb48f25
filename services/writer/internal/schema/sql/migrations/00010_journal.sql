-- +goose Up
-- How many events a message holds was read by nobody. A writer of a former version
-- stops at its absence, and so cannot make orders that the lists of 00011 lack.

alter table trade.journal drop column events;
