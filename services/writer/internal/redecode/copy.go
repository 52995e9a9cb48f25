package redecode

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/services/writer/internal/schema"
)

// copier copies rows of one build as they are.
type copier struct {
	tx       pgx.Tx
	from, to string
}

// tables copies a network's rows of every table of the index but those to skip.
func (c *copier) tables(ctx context.Context, network string, skip []string) error {
	const q = `select table_name::text from information_schema.tables where table_schema = $1 and table_type = 'BASE TABLE' order by 1`
	rows, err := c.tx.Query(ctx, q, schema.Schema(c.to))
	if err != nil {
		return fmt.Errorf("listing the tables: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("listing the tables: %w", err)
	}
	for _, table := range list {
		if slices.Contains(skip, table) {
			continue
		}
		columns, err := c.columns(ctx, schema.Schema(c.to), table)
		if err != nil {
			return err
		}
		q := fmt.Sprintf(`insert into %s (%s) select %[2]s from %s where network = $1`,
			pgx.Identifier{schema.Schema(c.to), table}.Sanitize(), columns, pgx.Identifier{schema.Schema(c.from), table}.Sanitize())
		if _, err := c.tx.Exec(ctx, q, network); err != nil {
			return fmt.Errorf("copying %s: %w", table, err)
		}
	}
	return nil
}

// control copies the cursor and what lies among the dead letters and in
// quarantine: it is missing in the rows of both builds. A problem that stands
// is found anew by whoever meets it.
func (c *copier) control(ctx context.Context, partition string) error {
	for _, table := range []string{"cursors", "dead_letters", "quarantine"} {
		columns, err := c.columns(ctx, "ctl", table)
		if err != nil {
			return err
		}
		if _, err := c.tx.Exec(ctx, `delete from ctl.`+table+` where build = $1 and partition = $2`, c.to, partition); err != nil {
			return fmt.Errorf("emptying %s: %w", table, err)
		}
		values := ", " + columns + ","
		values = strings.Replace(values, ", build,", ", $3,", 1)
		values = strings.Replace(values, ", problem,", ", null,", 1)
		values = strings.TrimSuffix(strings.TrimPrefix(values, ", "), ",")
		q := fmt.Sprintf(`insert into ctl.%s (%s) select %s from ctl.%[1]s where build = $1 and partition = $2`, table, columns, values)
		if _, err := c.tx.Exec(ctx, q, c.from, partition, c.to); err != nil {
			return fmt.Errorf("copying %s: %w", table, err)
		}
	}
	return nil
}

// columns are a table's columns but those that the database numbers itself.
func (c *copier) columns(ctx context.Context, schemaName, table string) (string, error) {
	const q = `
select string_agg(quote_ident(column_name), ', ' order by ordinal_position) from information_schema.columns
where table_schema = $1 and table_name = $2 and is_identity = 'NO' and is_generated = 'NEVER' and coalesce(column_default, '') not like 'nextval(%'`
	var out string
	if err := c.tx.QueryRow(ctx, q, schemaName, table).Scan(&out); err != nil {
		return "", fmt.Errorf("reading the columns of %s: %w", table, err)
	}
	return out, nil
}
