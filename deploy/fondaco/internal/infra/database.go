package infra

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/pkg/env"
)

// Roles and database of an embedded Postgres. The writer owns the schema; the
// api logs in as a member of fondaco_reader, to which the schema grants select.
const (
	database    = "fondaco"
	ownerRole   = "fondaco_owner"
	readerRole  = "fondaco_reader"
	readerLogin = "fondaco_api"
)

// prepareDatabase makes the roles and the database, or brings their passwords
// up to date. super is the superuser's URL of the database postgres.
func prepareDatabase(ctx context.Context, super, owner, reader env.Secret) error {
	conn, err := pgx.Connect(ctx, super.Reveal())
	if err != nil {
		return fmt.Errorf("preparing the database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	exec := func(what, q string) {
		if err != nil {
			return
		}
		if _, e := conn.Exec(ctx, q); e != nil {
			err = fmt.Errorf("%s: %w", what, e)
		}
	}
	have := func(q, name string) (found bool) {
		if err == nil {
			if e := conn.QueryRow(ctx, q, name).Scan(&found); e != nil {
				err = fmt.Errorf("looking for %s: %w", name, e)
			}
		}
		return found
	}
	const roleExists = "select exists (select from pg_roles where rolname = $1)"
	for _, role := range []string{ownerRole, readerRole, readerLogin} {
		if !have(roleExists, role) {
			exec("making role "+role, "create role "+role)
		}
	}
	// The passwords are rand.Text(): letters and digits only.
	exec("setting up "+ownerRole, fmt.Sprintf("alter role %s login password '%s'", ownerRole, owner.Reveal()))
	exec("setting up "+readerLogin, fmt.Sprintf("alter role %s login password '%s'", readerLogin, reader.Reveal()))
	exec("setting up "+readerLogin, "alter role "+readerLogin+" set default_transaction_read_only = on")
	exec("setting up "+readerLogin, "grant "+readerRole+" to "+readerLogin)
	if !have("select exists (select from pg_database where datname = $1)", database) {
		exec("making database "+database, "create database "+database+" owner "+ownerRole)
	}
	return err
}
