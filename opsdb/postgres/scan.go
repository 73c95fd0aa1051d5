package postgres

import (
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// direct is what the driver reads into without a detour: through reflection, or through a value that any database might give.
func direct(into any) any {
	switch x := into.(type) {
	case *tables.Moment:
		return (*moment)(x)
	case *tables.Bytes:
		return (*bytes)(x)
	case *tables.Decoded:
		return (*decoded)(x)
	case *opsdb.ID:
		return (*string)(x)
	case *opsdb.Digest:
		return (*string)(x)
	case *opsdb.TaskState:
		return (*string)(x)
	case *opsdb.Piece:
		return (*string)(x)
	case *opsdb.Class:
		return (*string)(x)
	case *opsdb.CopyState:
		return (*string)(x)
	case *opsdb.Form:
		return (*string)(x)
	case *opsdb.Medium:
		return (*string)(x)
	case *opsdb.Waits:
		return (*string)(x)
	}
	return into
}

type moment tables.Moment

// ScanTimestamptz implements [pgtype.TimestamptzScanner].
func (m *moment) ScanTimestamptz(v pgtype.Timestamptz) error {
	switch {
	case !v.Valid:
		*m = moment{}
	case v.InfinityModifier != pgtype.Finite:
		return fmt.Errorf("%s is no time", v.InfinityModifier)
	default:
		*m = moment(v.Time.UTC())
	}
	return nil
}

type bytes tables.Bytes

// ScanBytes implements [pgtype.BytesScanner].
func (b *bytes) ScanBytes(v []byte) error {
	*b = bytes(v)
	return nil
}

type decoded tables.Decoded

// ScanText implements [pgtype.TextScanner].
func (d *decoded) ScanText(v pgtype.Text) error {
	if !v.Valid {
		return nil
	}
	return (*tables.Decoded)(d).Text(v.String)
}
