package photo_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"

	"switchboard/internal/directory/photo"
)

// picture is red on the left and blue on the right, with a green corner at the top left.
func picture(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{R: 255, A: 255}
			switch {
			case x < w/4 && y < h/4:
				c = color.NRGBA{G: 255, A: 255}
			case x >= w/2:
				c = color.NRGBA{B: 255, A: 255}
			}
			img.Set(x, y, c)
		}
	}
	return img
}

func file(t testing.TB, encode func(b *bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	return file(t, func(b *bytes.Buffer) error { return png.Encode(b, img) })
}

func jpegOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	return file(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, img, nil) })
}

// withExif puts an Exif part into a JPEG: an orientation, and text such as a camera writes.
func withExif(jpg []byte, orientation uint16, order binary.AppendByteOrder, text string) []byte {
	tiff := []byte("MM")
	if order == binary.AppendByteOrder(binary.LittleEndian) {
		tiff = []byte("II")
	}
	tiff = order.AppendUint16(tiff, 42)
	tiff = order.AppendUint32(tiff, 8)
	tiff = order.AppendUint16(tiff, 2)
	for _, field := range []struct {
		tag, value uint16
	}{{0x0100, 7}, {0x0112, orientation}} {
		tiff = order.AppendUint16(tiff, field.tag)
		tiff = order.AppendUint16(tiff, 3)
		tiff = order.AppendUint32(tiff, 1)
		tiff = order.AppendUint16(tiff, field.value)
		tiff = order.AppendUint16(tiff, 0)
	}
	segment := append([]byte("Exif\x00\x00"), tiff...)
	segment = append(segment, text...)
	out := append([]byte{}, jpg[:2]...)
	out = append(out, 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(segment)+2))
	return append(append(out, segment...), jpg[2:]...)
}

func decode(t *testing.T, p photo.Photo) image.Image {
	t.Helper()
	img, format, err := image.Decode(bytes.NewReader(p.Bytes))
	if err != nil || p.MediaType != "image/"+format {
		t.Fatalf("%s is %s: %v", p.MediaType, format, err)
	}
	if len(p.Bytes) > photo.MaxBytes || max(img.Bounds().Dx(), img.Bounds().Dy()) > photo.MaxSide {
		t.Errorf("%d bytes, %v", len(p.Bytes), img.Bounds())
	}
	return img
}

// main tells which of red, green and blue a pixel is.
func main(img image.Image, x, y int) string {
	r, g, b, _ := img.At(x, y).RGBA()
	switch max(r, g, b) {
	case g:
		return "green"
	case r:
		return "red"
	}
	return "blue"
}

// webpFile is a picture of one pixel, lossless.
const webpFile = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="

func TestClean(t *testing.T) {
	t.Parallel()
	small, err := base64.StdEncoding.DecodeString(webpFile)
	if err != nil {
		t.Fatal(err)
	}
	clear := picture(40, 20)
	clear.Set(39, 19, color.NRGBA{})
	palette := image.NewPaletted(image.Rect(0, 0, 40, 20), color.Palette{color.White, color.Black})
	for name, tc := range map[string]struct {
		file []byte
		typ  string
		size image.Point
	}{
		"png":             {pngOf(t, picture(40, 20)), "image/jpeg", image.Pt(40, 20)},
		"a clear png":     {pngOf(t, clear), "image/png", image.Pt(40, 20)},
		"jpeg":            {jpegOf(t, picture(40, 20)), "image/jpeg", image.Pt(40, 20)},
		"gif":             {file(t, func(b *bytes.Buffer) error { return gif.Encode(b, palette, nil) }), "image/jpeg", image.Pt(40, 20)},
		"webp":            {small, "image/png", image.Pt(1, 1)},
		"large":           {jpegOf(t, picture(2048, 1024)), "image/jpeg", image.Pt(512, 256)},
		"long":            {pngOf(t, picture(4000, 2)), "image/jpeg", image.Pt(512, 1)},
		"as large as may": {pngOf(t, picture(512, 512)), "image/jpeg", image.Pt(512, 512)},
	} {
		p, err := photo.Clean(tc.file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := decode(t, p).Bounds().Size(); got != tc.size || name != "webp" && p.MediaType != tc.typ {
			t.Errorf("%s: %v as %s, want %v as %s", name, got, p.MediaType, tc.size, tc.typ)
		}
		again, err := photo.FromDataURL(p.DataURL())
		if err != nil || decode(t, again).Bounds().Size() != tc.size {
			t.Errorf("%s, from its own URL: %v", name, err)
		}
	}
}

// TestClean_noise keeps a picture that does not compress within its limit.
func TestClean_noise(t *testing.T) {
	t.Parallel()
	img := image.NewNRGBA(image.Rect(0, 0, 600, 600))
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range img.Pix {
		img.Pix[i] = byte(rng.Uint32())
	}
	p, err := photo.Clean(pngOf(t, img))
	if err != nil {
		t.Fatal(err)
	}
	decode(t, p)
}

// TestClean_upright shows that a picture is turned as its camera noted, and that nothing of the note is left.
func TestClean_upright(t *testing.T) {
	t.Parallel()
	const secret = "GPS 52.520008 13.404954"
	// Where the green corner is, and what is opposite to it along the same edge, by orientation.
	corners := map[uint16][2]int{1: {0, 0}, 2: {1, 0}, 3: {1, 1}, 4: {0, 1}, 5: {0, 0}, 6: {1, 0}, 7: {1, 1}, 8: {0, 1}, 9: {0, 0}, 0: {0, 0}}
	for orientation, corner := range corners {
		for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
			sent := withExif(jpegOf(t, picture(80, 40)), orientation, order, secret)
			if !bytes.Contains(sent, []byte(secret)) {
				t.Fatal("the file has no secret to lose")
			}
			p, err := photo.Clean(sent)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(p.Bytes, []byte("GPS")) || bytes.Contains(p.Bytes, []byte("Exif")) {
				t.Errorf("orientation %d: the note is still there", orientation)
			}
			img := decode(t, p)
			size := img.Bounds().Size()
			if lies := orientation >= 5 && orientation <= 8; lies != (size.Y > size.X) {
				t.Errorf("orientation %d: %v", orientation, size)
			}
			if got := main(img, 2+corner[0]*(size.X-5), 2+corner[1]*(size.Y-5)); got != "green" {
				t.Errorf("orientation %d: the corner is %s", orientation, got)
			}
		}
	}
}

// bomb is a PNG of a few bytes that claims to have w by h pixels of a depth.
func bomb(t *testing.T, w, h uint32, depth byte) []byte {
	t.Helper()
	out := pngOf(t, picture(1, 1))
	binary.BigEndian.PutUint32(out[16:], w)
	binary.BigEndian.PutUint32(out[20:], h)
	out[24] = depth
	binary.BigEndian.PutUint32(out[29:], crc32.ChecksumIEEE(out[12:29]))
	return out
}

func TestClean_refuses(t *testing.T) {
	t.Parallel()
	jpg := jpegOf(t, picture(40, 20))
	for name, tc := range map[string]struct {
		file []byte
		want error
	}{
		"nothing":              {nil, photo.ErrType},
		"a text":               {[]byte("hello"), photo.ErrType},
		"a drawing":            {[]byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), photo.ErrType},
		"a bitmap":             {[]byte("BM\x00\x00\x00\x00"), photo.ErrType},
		"a PDF":                {[]byte("%PDF-1.7"), photo.ErrType},
		"too many bytes":       {append(jpg, make([]byte, photo.MaxInput)...), photo.ErrSize},
		"a bomb":               {bomb(t, 60_000, 60_000, 8), photo.ErrSize},
		"a long bomb":          {bomb(t, 1<<31-1, 1, 8), photo.ErrSize},
		"a deep bomb":          {bomb(t, 4096, 4096, 16), photo.ErrSize},
		"a claim of more":      {bomb(t, 400, 400, 8), photo.ErrBroken},
		"half of it":           {jpg[:len(jpg)/2], photo.ErrBroken},
		"the beginning of PNG": {[]byte("\x89PNG\r\n\x1a\n"), photo.ErrBroken},
		"the beginning of GIF": {[]byte("GIF89a"), photo.ErrBroken},
		"an empty WebP":        {[]byte("RIFF\x04\x00\x00\x00WEBPVP8 "), photo.ErrBroken},
	} {
		if _, err := photo.Clean(tc.file); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

func TestFromDataURL_refuses(t *testing.T) {
	t.Parallel()
	ok := base64.StdEncoding.EncodeToString(pngOf(t, picture(2, 2)))
	if _, err := photo.FromDataURL("data:image/jpeg;base64," + ok); err != nil {
		t.Errorf("a type that is not believed: %v", err)
	}
	for name, tc := range map[string]struct {
		url  string
		want error
	}{
		"nothing":      {"", photo.ErrDataURL},
		"a link":       {"https://example.org/a.png", photo.ErrDataURL},
		"no picture":   {"data:text/html;base64," + ok, photo.ErrDataURL},
		"no body":      {"data:image/png;base64", photo.ErrDataURL},
		"not base64":   {"data:image/png," + ok, photo.ErrDataURL},
		"wrong base64": {"data:image/png;base64,!!!!", photo.ErrDataURL},
		"a text":       {"data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte("hello")), photo.ErrType},
		"too long":     {"data:image/png;base64," + strings.Repeat("A", photo.MaxInput*2), photo.ErrSize},
	} {
		if _, err := photo.FromDataURL(tc.url); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	if (photo.Photo{}).DataURL() != "" {
		t.Error("no picture has a URL")
	}
}

func FuzzClean(f *testing.F) {
	f.Add(pngOf(f, picture(3, 2)))
	f.Add(withExif(jpegOf(f, picture(8, 8)), 6, binary.LittleEndian, ""))
	f.Add([]byte("GIF89a"))
	f.Add([]byte("RIFF????WEBPVP8X"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		p, err := photo.Clean(sent)
		if err == nil && (p.IsZero() || len(p.Bytes) > photo.MaxBytes) {
			t.Errorf("%d bytes", len(p.Bytes))
		}
	})
}
