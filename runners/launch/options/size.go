package options

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// ByteSize is a number of bytes. It is written as a number and a unit, "64KB", "512MB", "1.5GiB", or without a
// unit. The units are powers of 1024, with or without the "i" or the "B", in any case.
type ByteSize int64

var units = []struct {
	letter byte
	size   int64
}{{'T', 1 << 40}, {'G', 1 << 30}, {'M', 1 << 20}, {'K', 1 << 10}}

var errSize = errors.New("want a size such as 512MB")

// UnmarshalText implements [encoding.TextUnmarshaler].
func (b *ByteSize) UnmarshalText(t []byte) error {
	number := strings.ToUpper(strings.TrimSpace(string(t)))
	unit := int64(1)
	plain, isB := strings.CutSuffix(number, "B")
	if s, ok := strings.CutSuffix(plain, "I"); ok && isB {
		plain = s
	}
	for _, u := range units {
		if s, ok := strings.CutSuffix(plain, string(u.letter)); ok {
			number, unit = strings.TrimSpace(s), u.size
		}
	}
	if unit == 1 && isB {
		number = strings.TrimSpace(strings.TrimSuffix(number, "B"))
	}
	if strings.Trim(number, "+-.0123456789") != "" {
		return errSize
	}
	if n, err := strconv.ParseInt(number, 10, 64); err == nil {
		if n > math.MaxInt64/unit || n < math.MinInt64/unit {
			return errors.New("want a size that fits in 63 bits")
		}
		*b = ByteSize(n * unit)
		return nil
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return errSize
	}
	// 2^63 is a float64, the largest int64 is not.
	if v *= float64(unit); v >= 1<<63 || v < -(1<<63) {
		return errors.New("want a size that fits in 63 bits")
	}
	*b = ByteSize(v)
	return nil
}

// String is exact, in the largest unit that divides b: "512MiB".
func (b ByteSize) String() string {
	for _, u := range units {
		if b != 0 && int64(b)%u.size == 0 {
			return strconv.FormatInt(int64(b)/u.size, 10) + string(u.letter) + "iB"
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// Short is b rounded to a tenth of its unit, for people: "1.3GiB".
func (b ByteSize) Short() string {
	for _, u := range units {
		if v := float64(b) / float64(u.size); v >= 1 || v <= -1 {
			return strconv.FormatFloat(v, 'f', 1, 64) + string(u.letter) + "iB"
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

// MarshalText implements [encoding.TextMarshaler].
func (b ByteSize) MarshalText() ([]byte, error) { return []byte(b.String()), nil }
