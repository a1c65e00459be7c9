// Package photo makes pictures that people send fit to be kept and shown: small, of a known type, upright, and without
// anything beside the picture. What a camera writes into a file (where it was taken, by which device, a preview of what was
// cut off) does not survive, because the picture is decoded and encoded anew.
//
// It keeps nothing and knows nobody. What it is given comes from strangers: it is bounded before it is decoded, by the
// bytes of the file and by the pixels that the file claims to have.
package photo

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"strings"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"
)

// The limits.
const (
	MaxInput  = 6 << 20   // bytes of a file that is taken
	MaxPixels = 16 << 20  // of a picture that is taken, whatever its file claims
	MaxSide   = 512       // pixels of a side of what is kept; larger pictures are scaled down
	MaxBytes  = 512 << 10 // of what is kept
)

// What can be wrong with a picture. The texts are made to stand behind "photo ".
var (
	ErrDataURL = errors.New("must be a data URL of a picture, such as data:image/png;base64,…")
	ErrType    = errors.New("must be a PNG, JPEG, GIF or WebP picture")
	ErrSize    = errors.New("must have at most 6 MiB and 16 million pixels")
	ErrBroken  = errors.New("cannot be read: the picture is damaged")
)

// Photo is a picture that is fit to be kept.
type Photo struct {
	MediaType string // image/jpeg, or image/png for what has transparent parts
	Bytes     []byte // at most MaxBytes
}

// IsZero tells whether there is no picture.
func (p Photo) IsZero() bool { return len(p.Bytes) == 0 }

// DataURL spells the picture as one; empty when there is none.
func (p Photo) DataURL() string {
	if p.IsZero() {
		return ""
	}
	return "data:" + p.MediaType + ";base64," + base64.StdEncoding.EncodeToString(p.Bytes)
}

// FromDataURL is Clean for the file in a data URL. The type that the URL claims is not believed.
func FromDataURL(url string) (Photo, error) {
	rest, ok := strings.CutPrefix(url, "data:image/")
	if !ok {
		return Photo{}, ErrDataURL
	}
	head, body, ok := strings.Cut(rest, ",")
	if !ok || !strings.HasSuffix(head, ";base64") {
		return Photo{}, ErrDataURL
	}
	if base64.StdEncoding.DecodedLen(len(body)) > MaxInput+3 {
		return Photo{}, ErrSize
	}
	file, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		return Photo{}, ErrDataURL
	}
	return Clean(file)
}

// Clean makes a file of a picture fit to be kept. Of one that moves the first frame is kept. Errors are those above.
func Clean(file []byte) (Photo, error) {
	if len(file) > MaxInput {
		return Photo{}, ErrSize
	}
	f, ok := sniff(file)
	if !ok {
		return Photo{}, ErrType
	}
	c, err := f.config(bytes.NewReader(file))
	if err != nil {
		return Photo{}, ErrBroken
	}
	if c.Width <= 0 || c.Height <= 0 || c.Width > MaxPixels/c.Height || tooDeep(c) {
		return Photo{}, ErrSize
	}
	img, err := f.decode(bytes.NewReader(file))
	if err != nil {
		return Photo{}, ErrBroken
	}
	return encode(upright(shrink(img, MaxSide), orientation(file)))
}

// tooDeep tells whether a picture has twice the bytes of an ordinary one in each pixel, and so too many of them.
func tooDeep(c image.Config) bool {
	switch c.ColorModel {
	case color.RGBA64Model, color.NRGBA64Model, color.Gray16Model:
		return c.Width > MaxPixels/2/c.Height
	}
	return false
}

// format is how the files of one type are known and read.
type format struct {
	magic  string // ? stands for any byte
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// sniff tells what a file is by how it begins. The formats are listed here, not registered with package image, so that no
// other package adds one.
func sniff(file []byte) (format, bool) {
	for _, f := range []format{
		{"\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode},
		{"\xff\xd8\xff", jpeg.DecodeConfig, jpeg.Decode},
		{"GIF8?a", gif.DecodeConfig, gif.Decode},
		{"RIFF????WEBPVP8", webp.DecodeConfig, webp.Decode},
	} {
		if begins(file, f.magic) {
			return f, true
		}
	}
	return format{}, false
}

func begins(file []byte, magic string) bool {
	if len(file) < len(magic) {
		return false
	}
	for i := range len(magic) {
		if magic[i] != '?' && magic[i] != file[i] {
			return false
		}
	}
	return true
}

// shrink scales a picture down until no side is longer than side.
func shrink(img image.Image, side int) image.Image {
	size := img.Bounds().Size()
	longest := max(size.X, size.Y)
	if longest <= side {
		return img
	}
	out := image.NewNRGBA(image.Rect(0, 0, max(1, size.X*side/longest), max(1, size.Y*side/longest)))
	draw.CatmullRom.Scale(out, out.Bounds(), img, img.Bounds(), draw.Src, nil)
	return out
}

const quality = 85

// encode writes a picture, smaller and smaller until it has at most MaxBytes.
func encode(img image.Image) (Photo, error) {
	for side := MaxSide; ; side /= 2 {
		var b bytes.Buffer
		p := Photo{MediaType: "image/jpeg"}
		small := shrink(img, side)
		var err error
		if opaque(small) {
			err = jpeg.Encode(&b, small, &jpeg.Options{Quality: quality})
		} else {
			p.MediaType = "image/png"
			err = png.Encode(&b, small)
		}
		if err != nil {
			return Photo{}, ErrBroken
		}
		if p.Bytes = b.Bytes(); len(p.Bytes) <= MaxBytes {
			return p, nil
		}
	}
}

func opaque(img image.Image) bool {
	o, ok := img.(interface{ Opaque() bool })
	return ok && o.Opaque()
}
