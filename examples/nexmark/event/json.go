package event

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends the event to dst as one JSON object with a single member, named for its kind:
// {"bid":{"auction":1000,…}}. It writes no newline. The zero Event is {}.
//
// The fields and their order are those of encoding/json; so is what invalid UTF-8 becomes.
func (e *Event) AppendJSON(dst []byte) []byte {
	switch e.Kind {
	case KindPerson:
		dst = append(dst, `{"person":`...)
		dst = e.Person.AppendJSON(dst)
	case KindAuction:
		dst = append(dst, `{"auction":`...)
		dst = e.Auction.AppendJSON(dst)
	case KindBid:
		dst = append(dst, `{"bid":`...)
		dst = e.Bid.AppendJSON(dst)
	default:
		dst = append(dst, '{')
	}
	return append(dst, '}')
}

// MarshalJSON returns the form that AppendJSON appends.
func (e Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// UnmarshalJSON reads the form that AppendJSON appends. An object with another member, or with more or less than one, is
// an error, and leaves e as it was.
func (e *Event) UnmarshalJSON(data []byte) error {
	var form struct {
		Person  *Person  `json:"person"`
		Auction *Auction `json:"auction"`
		Bid     *Bid     `json:"bid"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&form); err != nil {
		return fmt.Errorf("event: reading an event: %w", err)
	}
	var got []Event
	if form.Person != nil {
		got = append(got, Event{Kind: KindPerson, Person: form.Person})
	}
	if form.Auction != nil {
		got = append(got, Event{Kind: KindAuction, Auction: form.Auction})
	}
	if form.Bid != nil {
		got = append(got, Event{Kind: KindBid, Bid: *form.Bid})
	}
	if len(got) != 1 {
		return fmt.Errorf("event: reading an event: %d records in one object", len(got))
	}
	*e = got[0]
	return nil
}

// AppendJSON appends the person to dst as a JSON object.
func (p *Person) AppendJSON(dst []byte) []byte {
	dst = AppendInt(dst, `{"id":`, p.ID)
	dst = AppendText(dst, `,"name":`, p.Name)
	dst = AppendText(dst, `,"emailAddress":`, p.EmailAddress)
	dst = AppendText(dst, `,"creditCard":`, p.CreditCard)
	dst = AppendText(dst, `,"city":`, p.City)
	dst = AppendText(dst, `,"state":`, p.State)
	dst = AppendInt(dst, `,"dateTime":`, p.DateTime)
	dst = AppendText(dst, `,"extra":`, p.Extra)
	return append(dst, '}')
}

// AppendJSON appends the auction to dst as a JSON object.
func (a *Auction) AppendJSON(dst []byte) []byte {
	dst = AppendInt(dst, `{"id":`, a.ID)
	dst = AppendText(dst, `,"itemName":`, a.ItemName)
	dst = AppendText(dst, `,"description":`, a.Description)
	dst = AppendInt(dst, `,"initialBid":`, a.InitialBid)
	dst = AppendInt(dst, `,"reserve":`, a.Reserve)
	dst = AppendInt(dst, `,"dateTime":`, a.DateTime)
	dst = AppendInt(dst, `,"expires":`, a.Expires)
	dst = AppendInt(dst, `,"seller":`, a.Seller)
	dst = AppendInt(dst, `,"category":`, a.Category)
	dst = AppendText(dst, `,"extra":`, a.Extra)
	return append(dst, '}')
}

// AppendJSON appends the bid to dst as a JSON object.
func (b *Bid) AppendJSON(dst []byte) []byte {
	dst = AppendInt(dst, `{"auction":`, b.Auction)
	dst = AppendInt(dst, `,"bidder":`, b.Bidder)
	dst = AppendInt(dst, `,"price":`, b.Price)
	dst = AppendText(dst, `,"channel":`, b.Channel)
	dst = AppendText(dst, `,"url":`, b.URL)
	dst = AppendInt(dst, `,"dateTime":`, b.DateTime)
	dst = AppendText(dst, `,"extra":`, b.Extra)
	return append(dst, '}')
}

// AppendInt appends a field of a JSON object; name is what stands before the value: a brace or comma, the quoted name and a colon.
func AppendInt(dst []byte, name string, v int64) []byte {
	return strconv.AppendInt(append(dst, name...), v, 10)
}

// AppendText is [AppendInt] for a string.
func AppendText(dst []byte, name, s string) []byte {
	return AppendString(append(dst, name...), s)
}

const (
	eachByte = 0x0101010101010101
	highBits = 0x80 * eachByte
)

// AppendString appends s to dst as a JSON string (RFC 8259, section 7), quotes included. It escapes only what it must;
// a byte that is not valid UTF-8 becomes U+FFFD, as in encoding/json.
func AppendString(dst []byte, s string) []byte {
	// Room for every byte as it is and eight over, so that the loop can store whole words.
	dst = slices.Grow(dst, len(s)+10)
	dst = append(dst, '"')
	for len(s) >= 8 {
		w := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		// A high bit stays set in the lowest byte that is not plain: below space, a quote, a backslash or not ASCII.
		// Borrows can set it wrongly in higher bytes only.
		quote, slash := w^('"'*eachByte), w^('\\'*eachByte)
		special := (w | (w - ' '*eachByte) | (quote - eachByte) | (slash - eachByte)) & highBits
		if special == 0 {
			dst = binary.LittleEndian.AppendUint64(dst, w)
			s = s[8:]
			continue
		}
		n := bits.TrailingZeros64(special) / 8
		dst = append(dst, s[:n]...)
		var width int
		dst, width = appendEscaped(dst, s[n:])
		s = s[n+width:]
	}
	for len(s) > 0 {
		if c := s[0]; c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			dst = append(dst, c)
			s = s[1:]
			continue
		}
		var width int
		dst, width = appendEscaped(dst, s)
		s = s[width:]
	}
	return append(dst, '"')
}

// appendEscaped appends the first character of s, which is not plain ASCII, and returns its width in s.
func appendEscaped(dst []byte, s string) ([]byte, int) {
	const hex = "0123456789abcdef"
	switch c := s[0]; {
	case c == '"' || c == '\\':
		return append(dst, '\\', c), 1
	case c < ' ':
		return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15]), 1
	}
	r, width := utf8.DecodeRuneInString(s)
	return utf8.AppendRune(dst, r), width
}
