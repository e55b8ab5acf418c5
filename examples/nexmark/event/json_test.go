package event_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-go/millrace/examples/nexmark/event"
)

var (
	person  = event.Person{ID: 1000, Name: "Kate Noris", EmailAddress: "a b@c.com", CreditCard: "0001 0002 0003 0004", City: "Bend", State: "OR", DateTime: 5, Extra: `H\[]^_z`}
	auction = event.Auction{ID: 1001, ItemName: "item", Description: "a \"b\"", InitialBid: 1, Reserve: 2, DateTime: 3, Expires: 4, Seller: 1000, Category: 10, Extra: "\\\\\\\\\\\\\\\\\\"}
	bid     = event.Bid{Auction: 1001, Bidder: 1000, Price: 100, Channel: "Google", URL: "https://x/?a=1&b=<2>", DateTime: 7, Extra: "IJK\\abc\tdef"}
)

func TestAppendJSONIsWhatEncodingJSONReads(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		e    event.Event
		want any
		time int64
	}{
		{event.Event{Kind: event.KindPerson, Person: &person}, map[string]any{"person": person}, 5},
		{event.Event{Kind: event.KindAuction, Auction: &auction}, map[string]any{"auction": auction}, 3},
		{event.Event{Kind: event.KindBid, Bid: bid}, map[string]any{"bid": bid}, 7},
	} {
		t.Run(tc.e.Kind.String(), func(t *testing.T) {
			got := tc.e.AppendJSON([]byte("prefix "))
			text, ok := strings.CutPrefix(string(got), "prefix ")
			if !ok {
				t.Fatalf("AppendJSON overwrote its prefix: %q", got)
			}
			want, err := json.Marshal(tc.want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(decode(t, want), decode(t, []byte(text))); diff != "" {
				t.Errorf("AppendJSON differs from encoding/json (-want +got):\n%s", diff)
			}
			var back event.Event
			if err := json.Unmarshal([]byte(text), &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.e, back); diff != "" {
				t.Errorf("reading back (-want +got):\n%s", diff)
			}
			if got := tc.e.Time(); got != tc.time {
				t.Errorf("Time() = %d, want %d", got, tc.time)
			}
		})
	}
}

func TestUnmarshalJSONWantsOneRecord(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{}`, `{"bid":{},"person":{}}`, `{"offer":{}}`, `[]`, `{"bid":{"amount":1}}`} {
		var e event.Event
		if err := json.Unmarshal([]byte(text), &e); err == nil {
			t.Errorf("%s was read as %+v", text, e)
		}
	}
}

func decode(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

func FuzzAppendString(f *testing.F) {
	for c := range 256 {
		// Every byte, at every place of a word and in the rest.
		f.Add(strings.Repeat("abcdefg"+string([]byte{byte(c)}), 9) + string([]byte{byte(c)}))
	}
	f.Add("\u2028\U0001f600é\xff\xc3")
	f.Add(`!!""##\\[[]]` + " \x1f\x7f\x80")
	f.Fuzz(func(t *testing.T, s string) {
		got := event.AppendString([]byte("x"), s)
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if g, w := decode(t, got[1:]), decode(t, want); g != w {
			t.Errorf("AppendString(%q) = %s, read as %q, want %q", s, got, g, w)
		}
	})
}

func BenchmarkAppendJSON(b *testing.B) {
	e := event.Event{Kind: event.KindBid, Bid: bid}
	e.Bid.URL = "https://www.nexmark.com/abc/d_f/ghi/item.htm?query=1&channel_id=123456789"
	e.Bid.Extra = strings.Repeat("abcdefghijklmnopqrstuvwxyz[\\]^_`", 2)
	buf := e.AppendJSON(nil)
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		buf = e.AppendJSON(buf[:0])
	}
}
