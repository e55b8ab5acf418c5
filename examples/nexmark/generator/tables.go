package generator

import (
	"math/bits"
	"strconv"
	"strings"
	"sync"
)

// tables are the texts that events choose from: the same for every seed. Nobody changes them.
type tables struct {
	prices *priceFactors
	// padding is random letters, of which any part may be an event's extra. Nexmark's is 1 MiB; a piece that stays in
	// the second cache does as well, and saves a quarter of a bid's time.
	padding []byte
	// channels are the four hot ones, then the others by number.
	channels [hotChannels + coldChannels]channel
	// channelText is what they are places in.
	channelText string
	names       []string
}

// channel is a place in channelText: the name, and the URL right after it. It is small, so that the cache holds all.
type channel struct {
	start           uint32
	nameLen, urlLen uint8
}

const (
	paddingOffsets = 1 << 16
	maxPadding     = 1024

	hotChannels  = 4
	coldChannels = 10000
)

var (
	hotChannelNames = [hotChannels]string{"Google", "Facebook", "Baidu", "Apple"}
	firstNames      = strings.Fields("Peter Paul Luke John Saul Vicky Kate Julie Sarah Deiter Walter")
	lastNames       = strings.Fields("Shultz Abrams Spencer White Bartels Walton Smith Jones Noris")
	cities          = [...]string{"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"}
	states          = [...]string{"AZ", "CA", "ID", "OR", "WA", "WY"}
)

var sharedTables = sync.OnceValue(newTables)

func newTables() *tables {
	// With this seed channel 1 has a channel_id, the one that overflows.
	rnd := source(mix(20150715))
	t := &tables{prices: newPriceFactors(), padding: newPadding(&rnd)}
	var text strings.Builder
	for i := range t.channels {
		name, url := newChannel(&rnd, i-hotChannels)
		t.channels[i] = channel{uint32(text.Len()), uint8(len(name)), uint8(len(url))}
		text.WriteString(name + url)
	}
	t.channelText = text.String()
	for _, first := range firstNames {
		for _, last := range lastNames {
			t.names = append(t.names, first+" "+last)
		}
	}
	return t
}

// newPadding returns letters in sixes, each the digits in base 26 of one signed draw. The remainders are signed too, as
// in Java, so half of the sixes are 'a' and the characters before it, down to 'H'.
func newPadding(rnd *source) []byte {
	letters := make([]byte, 0, paddingOffsets+maxPadding+6)
	for len(letters) < paddingOffsets+maxPadding {
		draw := int32(rnd.next())
		for range 6 {
			letters = append(letters, byte('a'+draw%26))
			draw /= 26
		}
	}
	return letters
}

// newChannel returns the name and URL of cold channel number i, or of a hot one if i is negative.
func newChannel(rnd *source, i int) (name, url string) {
	url = newURL(rnd)
	if i < 0 {
		return hotChannelNames[i+hotChannels], url
	}
	if rnd.below(10) > 0 {
		url += "&channel_id=" + strconv.Itoa(int(channelID(int32(i))))
	}
	return "channel-" + strconv.Itoa(i), url
}

// channelID is Java's Math.abs(Integer.reverse(i)): that of 1 overflows and stays negative.
func channelID(i int32) int32 {
	id := int32(bits.Reverse32(uint32(i)))
	if id < 0 {
		return -id
	}
	return id
}

func newURL(rnd *source) string {
	var dirs [3]string
	for i := range dirs {
		var letters [5]byte
		// Nexmark trims spaces, but these are underscores, which stay.
		dirs[i] = strings.ReplaceAll(string(words(rnd, letters[:])), " ", "_")
	}
	return "https://www.nexmark.com/" + strings.Join(dirs[:], "/") + "/item.htm?query=1"
}

// extra returns random letters that bring a record of the given size to about the target, 20% more or less of what is
// missing, all in bytes. It is empty if the record is larger already.
func (g *Generator) extra(size, target int, offset uint64, length uint32) string {
	missing := target - size
	if missing <= 0 {
		return ""
	}
	// round(0.2 · missing)
	delta := (2*missing + 5) / 10
	n := missing - delta + int(below(length, int64(2*delta)))
	offset %= paddingOffsets
	return g.slab.copy(g.tables.padding[offset : offset+uint64(n)])
}
