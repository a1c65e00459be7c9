package app

import (
	"context"
	"fmt"

	"switchboard/internal/consent"
	"switchboard/internal/vault"
)

// notary is the vault as package consent sees it.
type notary struct{ vault *vault.Service }

var _ consent.Signer = notary{}

// Sign implements consent.Signer.
func (n notary) Sign(ctx context.Context, message []byte) (consent.Signature, error) {
	key, signature, err := n.vault.Sign(ctx, message)
	if err != nil {
		return consent.Signature{}, err
	}
	for _, k := range n.vault.PublicKeys() {
		if k.ID == key {
			return consent.Signature{KeyID: key, PublicKey: k.Key, Bytes: signature}, nil
		}
	}
	return consent.Signature{}, fmt.Errorf("the vault signs with key %s and does not know it", key)
}
