//! The picture on the graphics processor: WebGL2 with one instance for each dot and link.
//!
//! Where the dots stand is a texture of two floats each, looked up by the number of the dot, so a
//! frame uploads 8 bytes for each dot and nothing for links. What a dot or link looks like is
//! uploaded when the scene changes. Shapes are signed distances in the fragment shader, smooth at
//! every size without multisampling.

use super::{
    paint::{Paint, dot_look, line_look},
    theme::{CLUSTERS, COLOURS},
};
use crate::model::mesh::Scene;
use js_sys::{Float32Array, Object, Reflect, Uint32Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    HtmlCanvasElement, WebGl2RenderingContext as Gl2, WebGlBuffer, WebGlProgram, WebGlTexture,
    WebGlUniformLocation, WebGlVertexArrayObject,
};

/// Texels in a row of the texture; the shaders know it too.
const ROW: usize = 1024;

/// How opaque the inside and the rim of a hull are.
const HULL_INSIDE: f32 = 0.1;
const HULL_RIM: f32 = 0.45;

pub struct Gl {
    gl: Gl2,
    links: Pass,
    dots: Pass,
    hulls: Pass,
    texture: WebGlTexture,
    /// Places of the texture, whole rows.
    texels: Vec<f32>,
    rows: i32,
    link_count: i32,
    dot_count: i32,
}

/// A program with what it reads.
struct Pass {
    program: WebGlProgram,
    array: WebGlVertexArrayObject,
    buffer: WebGlBuffer,
    camera: Option<WebGlUniformLocation>,
    knobs: Option<WebGlUniformLocation>,
    size: Option<WebGlUniformLocation>,
    colours: Option<WebGlUniformLocation>,
}

/// What a pass reads for each instance or corner.
enum Reads {
    Words(i32),
    Corners,
}

impl Gl {
    /// `None` when the browser has no WebGL2 or its driver takes no such programs.
    pub fn new(canvas: &HtmlCanvasElement) -> Option<Gl> {
        let options = Object::new();
        for name in ["antialias", "depth"] {
            Reflect::set(&options, &JsValue::from_str(name), &JsValue::FALSE).ok()?;
        }
        let gl = canvas.get_context_with_context_options("webgl2", &options).ok()??;
        let gl: Gl2 = gl.dyn_into().ok()?;
        let pass = |vertex, fragment, reads| Pass::new(&gl, vertex, fragment, reads);
        let links = pass(include_str!("link.vert"), include_str!("link.frag"), Reads::Words(3))?;
        let dots = pass(include_str!("dot.vert"), include_str!("dot.frag"), Reads::Words(2))?;
        let hulls = pass(include_str!("hull.vert"), include_str!("hull.frag"), Reads::Corners)?;
        let texture = gl.create_texture()?;
        gl.bind_texture(Gl2::TEXTURE_2D, Some(&texture));
        for filter in [Gl2::TEXTURE_MIN_FILTER, Gl2::TEXTURE_MAG_FILTER] {
            gl.tex_parameteri(Gl2::TEXTURE_2D, filter, Gl2::NEAREST as i32);
        }
        gl.enable(Gl2::BLEND);
        gl.blend_func(Gl2::ONE, Gl2::ONE_MINUS_SRC_ALPHA);
        let texels = Vec::new();
        Some(Gl { gl, links, dots, hulls, texture, texels, rows: 0, link_count: 0, dot_count: 0 })
    }

    /// Uploads what dots and links look like. Dots with a mark come last, so they lie on top, and
    /// bridges among the links.
    pub fn take(&mut self, scene: &Scene) {
        let mut words = Vec::with_capacity(3 * scene.lines.len());
        for bridges in [false, true] {
            for line in scene.lines.iter().filter(|line| (line.cuts_off > 0) == bridges) {
                words.extend([line.a, line.b, line_look(line)]);
            }
        }
        self.link_count = self.links.upload(&self.gl, &words, 3);
        words.clear();
        for marked in [false, true] {
            for (dot, place) in scene.dots.iter().zip(0..) {
                let look = dot_look(dot);
                if (look > 3) == marked {
                    words.extend([place, look]);
                }
            }
        }
        self.dot_count = self.dots.upload(&self.gl, &words, 2);
        let rows = scene.dots.len().div_ceil(ROW).max(1);
        self.texels.clear();
        self.texels.resize(2 * ROW * rows, 0.0);
        self.rows = rows as i32;
    }

    pub fn draw(&mut self, paint: &Paint<'_>) {
        let size = [paint.size.0 * paint.ratio, paint.size.1 * paint.ratio];
        let gl = &self.gl;
        gl.viewport(0, 0, size[0] as i32, size[1] as i32);
        gl.clear_color(0.0, 0.0, 0.0, 0.0);
        gl.clear(Gl2::COLOR_BUFFER_BIT);
        self.upload_places(paint.places);
        self.draw_hulls(paint);
        let picked = paint.picked.map_or(-1.0, |dot| dot as f32);
        let knobs = [paint.radius() * paint.ratio, picked, paint.opacity(), 0.0];
        for (pass, count) in [(&self.links, self.link_count), (&self.dots, self.dot_count)] {
            pass.choose(&self.gl, paint);
            self.gl.uniform4fv_with_f32_array(pass.knobs.as_ref(), &knobs);
            self.gl.draw_arrays_instanced(Gl2::TRIANGLE_STRIP, 0, 4, count);
        }
    }

    fn upload_places(&mut self, places: &[f32]) {
        let count = places.len().min(self.texels.len());
        self.texels[..count].copy_from_slice(&places[..count]);
        let texels = Float32Array::from(&self.texels[..]);
        self.gl.bind_texture(Gl2::TEXTURE_2D, Some(&self.texture));
        // Only a size that the context does not know is refused, and every context knows this one.
        let _ = self
            .gl
            .tex_image_2d_with_i32_and_i32_and_i32_and_format_and_type_and_opt_array_buffer_view(
                Gl2::TEXTURE_2D,
                0,
                Gl2::RG32F as i32,
                ROW as i32,
                self.rows,
                0,
                Gl2::RG,
                Gl2::FLOAT,
                Some(&texels),
            );
    }

    fn draw_hulls(&self, paint: &Paint<'_>) {
        if paint.hulls.hulls.is_empty() {
            return;
        }
        let gl = &self.gl;
        self.hulls.choose(gl, paint);
        gl.bind_buffer(Gl2::ARRAY_BUFFER, Some(&self.hulls.buffer));
        let corners = Float32Array::from(&paint.hulls.corners[..]);
        gl.buffer_data_with_array_buffer_view(Gl2::ARRAY_BUFFER, &corners, Gl2::STREAM_DRAW);
        for &(first, count, cluster) in &paint.hulls.hulls {
            let colour = (CLUSTERS + cluster % (COLOURS - CLUSTERS)) as f32;
            let shapes = [(Gl2::TRIANGLE_FAN, HULL_INSIDE), (Gl2::LINE_LOOP, HULL_RIM)];
            for (shape, opacity) in shapes {
                let knobs = [0.0, 0.0, opacity, colour];
                gl.uniform4fv_with_f32_array(self.hulls.knobs.as_ref(), &knobs);
                gl.draw_arrays(shape, first as i32, count as i32);
            }
        }
    }
}

impl Pass {
    fn new(gl: &Gl2, vertex: &str, fragment: &str, reads: Reads) -> Option<Pass> {
        let program = gl.create_program()?;
        for (kind, source) in [(Gl2::VERTEX_SHADER, vertex), (Gl2::FRAGMENT_SHADER, fragment)] {
            let shader = gl.create_shader(kind)?;
            gl.shader_source(&shader, source);
            gl.compile_shader(&shader);
            gl.attach_shader(&program, &shader);
        }
        gl.link_program(&program);
        if !gl.get_program_parameter(&program, Gl2::LINK_STATUS).is_truthy() {
            return None;
        }
        let (array, buffer) = (gl.create_vertex_array()?, gl.create_buffer()?);
        gl.bind_vertex_array(Some(&array));
        gl.bind_buffer(Gl2::ARRAY_BUFFER, Some(&buffer));
        gl.enable_vertex_attrib_array(0);
        match reads {
            Reads::Words(words) => {
                gl.vertex_attrib_i_pointer_with_i32(0, words, Gl2::UNSIGNED_INT, 0, 0);
                gl.vertex_attrib_divisor(0, 1);
            }
            Reads::Corners => gl.vertex_attrib_pointer_with_i32(0, 2, Gl2::FLOAT, false, 0, 0),
        }
        let at = |name| gl.get_uniform_location(&program, name);
        let (camera, knobs, size) = (at("camera"), at("knobs"), at("size"));
        let colours = at("colours");
        Some(Pass { array, buffer, camera, knobs, size, colours, program })
    }

    /// Gives how many instances there are now.
    fn upload(&self, gl: &Gl2, words: &[u32], each: usize) -> i32 {
        gl.bind_buffer(Gl2::ARRAY_BUFFER, Some(&self.buffer));
        let view = Uint32Array::from(words);
        gl.buffer_data_with_array_buffer_view(Gl2::ARRAY_BUFFER, &view, Gl2::STATIC_DRAW);
        (words.len() / each) as i32
    }

    fn choose(&self, gl: &Gl2, paint: &Paint<'_>) {
        gl.use_program(Some(&self.program));
        gl.bind_vertex_array(Some(&self.array));
        let (camera, ratio) = (paint.camera, paint.ratio);
        let seen = [camera.x, camera.y, camera.scale * ratio, ratio];
        gl.uniform4fv_with_f32_array(self.camera.as_ref(), &seen);
        gl.uniform2f(self.size.as_ref(), paint.size.0 * ratio, paint.size.1 * ratio);
        gl.uniform3fv_with_f32_array(self.colours.as_ref(), &paint.theme.colours);
    }
}
