package parquetio_test

import (
	"context"
	"fmt"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/fileset"
	"github.com/millrace-go/millrace/io/filesystem/memfs"
	"github.com/millrace-go/millrace/io/parquetio"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
)

type order struct {
	ID    int64  `parquet:"id"`
	User  string `parquet:"user"`
	Cents int64  `parquet:"cents"`
}

// A second job reads what a first one has written: of three columns the one it has a field for, and of the row
// groups those that can have ids from 900.
func Example() {
	files := filesystem.Set{"mem": &memfs.FileSystem{}}
	_, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		var orders []order
		for i := range int64(1000) {
			orders = append(orders, order{ID: i, User: "amy", Cents: 100 * i})
		}
		res := parquetio.Write(sdk.Create(p, orders), "mem://orders", parquetio.Shards(1), parquetio.RowGroup(100), parquetio.FileSystems(files))
		sdk.Map(res.Manifest, func(m fileset.Manifest) bool { fmt.Println(m.Files[0].Name, m.Rows); return true })
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	type id struct {
		ID int64 `parquet:"id"`
	}
	res, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		ids := parquetio.Read[id](p, "mem://orders", parquetio.Where("id", int64(900), int64(999)), parquetio.FileSystems(files))
		// Rows of a group that is read come as they are, so that they are filtered too.
		sdk.Filter(ids, func(v id) bool { return v.ID >= 900 })
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.Counter("parquetio.Read/ParDoSplittable", "RowGroupsSkipped") > 0)
	// Output:
	// orders-00000-of-00001.parquet 1000
	// true
}
