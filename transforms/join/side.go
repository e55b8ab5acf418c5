package join

import "github.com/millrace-go/millrace/sdk"

// either is a row of one of two collections that become one, so that a stateful ParDo sees both.
type either[L, R any] struct {
	IsLeft bool
	Left   L
	Right  R
}

// both is the union of two keyed collections.
func both[K, L, R any](left sdk.PCollection[sdk.KV[K, L]], right sdk.PCollection[sdk.KV[K, R]]) sdk.PCollection[sdk.KV[K, either[L, R]]] {
	return sdk.Flatten(
		sdk.Map(left, func(kv sdk.KV[K, L]) sdk.KV[K, either[L, R]] {
			return sdk.MakeKV(kv.Key, either[L, R]{IsLeft: true, Left: kv.Value})
		}),
		sdk.Map(right, func(kv sdk.KV[K, R]) sdk.KV[K, either[L, R]] {
			return sdk.MakeKV(kv.Key, either[L, R]{Right: kv.Value})
		}),
	)
}
